#!/usr/bin/env bash
# Builds every fuzz target and runs each for SECONDS: run.sh SECONDS [TARGET...]
# Fails at the first input that panics, hangs or takes too much memory, and says where it is kept.
#
# The seed is fixed, so that one change is tried with what the last one was tried with; SEED=n looks
# elsewhere, as a long run should.
#
# A new target is a file in fuzz_targets/, its three [[bin]] lines in Cargo.toml, and, if it should
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

# A folder of its own, for what rustc.sh adds is nothing that cargo knows of.
export CARGO_TARGET_DIR=$PWD/target
RUSTC_WRAPPER=$PWD/rustc.sh cargo build --release "${targets[@]/#/--bin=}"

for target in "${targets[@]}"; do
    python3 seeds.py "$target" "corpus/$target"
    mkdir -p "crashes/$target"
    echo "== $target: $seconds s"
    # libFuzzer ends by itself; the outer limit is for an input that does not let it.
    timeout --kill-after=10 $((seconds + 60)) "target/release/$target" "corpus/$target" \
        -seed="${SEED:-1}" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
        -print_final_stats=1 -verbosity=0 -artifact_prefix="crashes/$target/" </dev/null 2>&1 |
        sed '/^###### Recommended/,/^###### End/d' || {
        echo "$target failed. Replay: $PWD/target/release/$target crashes/$target/FILE" >&2
        exit 1
    }
done
