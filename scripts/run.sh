#!/usr/bin/env bash
# Builds and trains. Arguments are those of `acr-pinn-gpu run`; without any, the lid-driven cavity.
#
#   ./scripts/run.sh                            cavity
#   ./scripts/run.sh klein-gordon --seed 7
#   ./scripts/run.sh --help
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

[ $# -gt 0 ] || set -- cavity

# a first build takes minutes and shows it; later ones keep quiet
quiet=
[ ! -x "$target/release/acr-pinn-gpu" ] || quiet=--quiet
cargo build --release --locked --bin acr-pinn-gpu ${quiet:+"$quiet"} --manifest-path "$root/Cargo.toml"

exec "$target/release/acr-pinn-gpu" run "$@"
