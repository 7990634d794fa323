#!/bin/sh
# What cargo calls for rustc (RUSTC_WRAPPER) while run.sh builds: corelane and the fuzz targets get the
# coverage that libFuzzer steers by. The two hundred crates below them do not: with it they take many
# minutes to compile, and what libFuzzer would find in them is not ours.
case " $* " in
*" --crate-name corelane "* | *" fuzz_targets/"*)
    exec "$@" --cfg fuzzing -C passes=sancov-module \
        -C llvm-args=-sanitizer-coverage-level=4 \
        -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
        -C llvm-args=-sanitizer-coverage-pc-table \
        -C llvm-args=-sanitizer-coverage-trace-compares
    ;;
*) exec "$@" ;;
esac
