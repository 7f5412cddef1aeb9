#!/usr/bin/env bash
# Formatting, lints, documentation and every test; fails when any of them fails. Arguments go to `cargo test`.
#
#   ./scripts/test.sh
#   ./scripts/test.sh --test golden
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"

failed=
step() {
    echo "── $*" >&2
    "$@" || failed="$failed
    $*"
}

# all checks run even if one fails, the tests last: their results are what one wants to see
if command -v rustfmt >/dev/null 2>&1; then
    step cargo fmt --all --check
else
    echo "── no rustfmt: formatting is not checked (rustup component add rustfmt)" >&2
fi
if command -v cargo-clippy >/dev/null 2>&1; then
    step cargo clippy --release --locked --all-targets --quiet -- -D warnings
else
    echo "── no clippy: lints are not checked (rustup component add clippy)" >&2
fi
step env RUSTDOCFLAGS="-D warnings" cargo doc --release --locked --no-deps --quiet
# release: the f64 oracle and software rendering are slow otherwise
step cargo test --release --locked --no-fail-fast --lib --bins --tests "$@"
if [ $# -eq 0 ]; then
    if have_chromium; then
        # one browser at a time: each computes on all processors
        step cargo test --release --locked --test page -- --ignored --test-threads 1
    else
        echo "── no Chromium: the exported page is not tested (apt-get install chromium)" >&2
    fi
fi

if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
