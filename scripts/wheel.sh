#!/usr/bin/env bash
# Builds the Python wheel that carries the binary, installs it into a fresh virtual environment and runs it there.
#
#   ./scripts/wheel.sh            the wheel stays in target/wheels
#
# Needs Python with venv and pip; maturin is installed into a virtual environment of its own.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/build"
"$folder/build/bin/pip" install --quiet --disable-pip-version-check "maturin>=1.8,<2"
mkdir -p "$target/wheels"
"$folder/build/bin/maturin" build --quiet --manifest-path "$root/Cargo.toml" --out "$folder/wheels"
wheel=$(echo "$folder"/wheels/*.whl)
cp "$wheel" "$target/wheels/"

python3 -m venv "$folder/fresh"
"$folder/fresh/bin/pip" install --quiet --disable-pip-version-check --no-index "$wheel"
program=$folder/fresh/bin/acr-pinn-gpu
size() { awk -v bytes="$(stat -c %s "$1")" 'BEGIN { printf "%.1f MB", bytes / 1e6 }'; }
cd "$folder"
# it stands alone: no compiler, no repository, no other package
env -i HOME="$folder" PATH=/usr/bin:/bin "$program" --version
env -i HOME="$folder" PATH=/usr/bin:/bin "$program" list >/dev/null
env -i HOME="$folder" PATH=/usr/bin:/bin XDG_RUNTIME_DIR="$folder" ACR_PINN_CACHE= "$program" run klein-gordon --preset quick \
    --width 4 --depth 1 --points pde=16 --steps 20 --quiet --out run >/dev/null
[ -s run/model.safetensors ] && [ -s run/report.html ]
! readelf -S "$program" 2>/dev/null | grep -q '\.debug_info'
echo "wheel: $(basename "$wheel"), $(size "$wheel"); the program in it has $(size "$program"), no debug information, and runs"
