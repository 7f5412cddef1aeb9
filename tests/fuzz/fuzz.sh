#!/bin/sh
# usage: tests/fuzz/fuzz.sh TARGET [SECONDS]     (targets: model points config card bench reference expression problem)
# Builds and runs a fuzz target with a stable compiler, without cargo-fuzz and without sanitizers: there is no unsafe
# code in a parser. New inputs go to tests/fuzz/found, crashes to tests/fuzz/artifacts; the corpus is only read.
set -eu
cd "$(dirname "$0")"
target=$1
host=$(rustc -vV | sed -n 's/^host: //p')
flags="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3"
flags="$flags -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags="$flags -Cllvm-args=-sanitizer-coverage-trace-compares"
RUSTFLAGS=$flags cargo build --release --locked --target "$host" --bin "$target"
mkdir -p "found/$target" artifacts
exec "target/$host/release/$target" -max_total_time="${2:-600}" -max_len=32768 -timeout=10 -rss_limit_mb=1024 \
    -artifact_prefix=artifacts/ -print_final_stats=1 "found/$target" "corpus/$target"
