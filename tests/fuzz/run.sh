#!/usr/bin/env bash
# Builds every fuzz target and runs each for SECONDS: run.sh SECONDS [TARGET...]
# Fails at the first input that panics, hangs or takes too much memory, and says where it is kept.
#
# A new target is a file in fuzz_targets/, its four [[bin]] lines in Cargo.toml, and, if it should
# start from something, a function in seeds.py. Plain stable cargo; needs a C++ compiler and Python.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:?usage: run.sh SECONDS [TARGET...]}
shift
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for file in fuzz_targets/*.rs; do
        targets+=("$(basename "$file" .rs)")
    done
fi

# Naming the host as target keeps these flags away from build scripts and macros.
host=$(rustc -vV | sed -n 's/^host: //p')
flags=(
    --cfg fuzzing
    -C passes=sancov-module
    -C llvm-args=-sanitizer-coverage-level=4
    -C llvm-args=-sanitizer-coverage-inline-8bit-counters
    -C llvm-args=-sanitizer-coverage-pc-table
    -C llvm-args=-sanitizer-coverage-trace-compares
)
RUSTFLAGS="${flags[*]}" cargo build --release --target "$host" "${targets[@]/#/--bin=}"

for target in "${targets[@]}"; do
    python3 seeds.py "$target" "corpus/$target"
    mkdir -p "crashes/$target"
    echo "== $target: $seconds s"
    "target/$host/release/$target" "corpus/$target" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
        -print_final_stats=1 -verbosity=0 -artifact_prefix="crashes/$target/" || {
        echo "$target failed. Replay: $PWD/target/$host/release/$target crashes/$target/FILE" >&2
        exit 1
    }
done
