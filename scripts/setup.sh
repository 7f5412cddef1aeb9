# What a build and a run need, checked and where possible installed. Sourced by run.sh and test.sh from any
# folder; says nothing when all is there, everything it says goes to stderr.
#
# sets:  root, target (cargo's target folder), XDG_RUNTIME_DIR if unset
# exits: 3 when something is missing that cannot be installed here

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}

# ── Rust ─────────────────────────────────────────────────────────────────────────────────────────────

need_cargo() {
    if ! command -v cargo >/dev/null 2>&1 && [ -x "${CARGO_HOME:-${HOME:-}/.cargo}/bin/cargo" ]; then
        export PATH="${CARGO_HOME:-${HOME:-}/.cargo}/bin:$PATH"
    fi
    if ! command -v cargo >/dev/null 2>&1; then
        cat >&2 <<'TEXT'
error: cargo was not found. Install Rust (1.88 or newer), then run this script again:
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y
TEXT
        exit 3
    fi
}

# ── Vulkan: a loader and a driver that can answer on this machine ────────────────────────────────────

# The driver manifests that the loader would read, one per line.
vulkan_manifests() {
    local given=${VK_DRIVER_FILES:-${VK_ICD_FILENAMES:-}} folder path
    local places=()
    if [ -n "$given" ]; then
        # these variables replace the search
        IFS=: read -r -a places <<<"$given"
    else
        for folder in "${XDG_CONFIG_HOME:-${HOME:-}/.config}/vulkan/icd.d" /etc/xdg/vulkan/icd.d \
            /usr/local/etc/vulkan/icd.d /etc/vulkan/icd.d "${XDG_DATA_HOME:-${HOME:-}/.local/share}/vulkan/icd.d" \
            /usr/local/share/vulkan/icd.d /usr/share/vulkan/icd.d /run/opengl-driver/share/vulkan/icd.d; do
            places+=("$folder")
        done
    fi
    for path in ${places[@]+"${places[@]}"}; do
        if [ -d "$path" ]; then
            for path in "$path"/*.json; do [ -f "$path" ] && printf '%s\n' "$path"; done
        elif [ -f "$path" ]; then
            printf '%s\n' "$path"
        fi
    done
    return 0
}

vulkan_loader() {
    local libraries folder
    # not piped into grep: with pipefail an early match would look like a failure
    libraries=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null || true)
    case $libraries in *libvulkan.so.1*) return 0 ;; esac
    # systems without ldconfig's cache, and folders outside it
    local search="${LD_LIBRARY_PATH:-}:/usr/lib:/usr/lib64:/usr/local/lib:/run/opengl-driver/lib"
    local folders
    IFS=: read -r -a folders <<<"$search"
    for folder in "${folders[@]}"; do
        [ -n "$folder" ] && [ -e "$folder/libvulkan.so.1" ] && return 0
    done
    return 1
}

# A manifest of a hardware driver promises nothing where there is no such hardware (containers, servers):
# then only a software driver answers.
vulkan_answers() {
    vulkan_loader || return 1
    local manifests node
    manifests=$(vulkan_manifests)
    [ -n "$manifests" ] || return 1
    case $manifests in *lvp_icd* | *lavapipe* | *swiftshader*) return 0 ;; esac
    for node in /dev/dri/renderD* /dev/nvidia0 /dev/dxg /dev/kgsl-3d0 /dev/mali0; do
        [ -e "$node" ] && return 0
    done
    return 1
}

install_vulkan() {
    local command
    if vulkan_loader && [ -n "${VK_DRIVER_FILES:-${VK_ICD_FILENAMES:-}}" ]; then
        # they hide every other driver, one that could be installed too
        echo "error: VK_DRIVER_FILES or VK_ICD_FILENAMES is set, but no driver named there can answer; unset it" >&2
        exit 3
    fi
    if command -v apt-get >/dev/null 2>&1; then
        command="apt-get update && apt-get install -y mesa-vulkan-drivers libvulkan1"
    elif command -v dnf >/dev/null 2>&1; then
        command="dnf install -y mesa-vulkan-drivers vulkan-loader"
    elif command -v pacman >/dev/null 2>&1; then
        command="pacman -S --noconfirm --needed vulkan-swrast vulkan-icd-loader"
    else
        echo "error: no Vulkan driver answers. Install the Vulkan loader (libvulkan.so.1) and a driver of your" >&2
        echo "graphics card, or Mesa's software driver (lavapipe), then run this script again." >&2
        exit 3
    fi
    local as=()
    if [ "$(id -u)" -ne 0 ]; then
        as=(sudo -n)
        if ! command -v sudo >/dev/null 2>&1 || ! sudo -n true 2>/dev/null; then
            echo "error: no Vulkan driver answers, and installing one needs rights that this user lacks. Run:" >&2
            echo "    sudo sh -c '$command'" >&2
            exit 3
        fi
    fi
    echo "no Vulkan driver answers: installing Mesa's ($command)" >&2
    if ! ${as[@]+"${as[@]}"} env DEBIAN_FRONTEND=noninteractive sh -c "$command" >&2 || ! vulkan_answers; then
        echo "error: that did not bring a Vulkan driver. Install one by hand, then run this script again:" >&2
        echo "    sudo sh -c '$command'" >&2
        exit 3
    fi
}

need_vulkan() {
    # Metal on macOS, Direct3D 12 on Windows: both come with the system
    [ "$(uname -s)" = Linux ] || return 0
    vulkan_answers || install_vulkan
}

# ── A runtime folder ─────────────────────────────────────────────────────────────────────────────────

# Mesa prints an error without XDG_RUNTIME_DIR. One private folder per user, used again, so none pile up.
need_runtime_folder() {
    [ -z "${XDG_RUNTIME_DIR:-}" ] || return 0
    local folder
    folder=${TMPDIR:-/tmp}/acr-pinn-gpu-$(id -u)
    if ! mkdir -m 700 "$folder" 2>/dev/null; then
        # somebody else's folder, or a link, is not private
        if [ ! -d "$folder" ] || [ -L "$folder" ] || [ ! -O "$folder" ]; then folder=$(mktemp -d); fi
        chmod 700 "$folder"
    fi
    export XDG_RUNTIME_DIR=$folder
}

# ── A browser, for the tests of the exported page ────────────────────────────────────────────────────

# Whether there is one; ACR_PINN_CHROMIUM names another.
have_chromium() {
    local name
    for name in "${ACR_PINN_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
        [ -z "$name" ] || ! command -v "$name" >/dev/null 2>&1 || return 0
    done
    return 1
}

need_cargo
need_vulkan
need_runtime_folder
