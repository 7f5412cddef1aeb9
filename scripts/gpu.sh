#!/usr/bin/env bash
# Everything that is to be known of a graphics card, in one call. A part that fails does not stop the others; the summary at
# the end says which did, and how long each took.
#
#   ./scripts/gpu.sh                         into benches/results/DATE-ADAPTER
#   ./scripts/gpu.sh DIR                     into DIR
#   ./scripts/gpu.sh --rehearse [DIR]        everything tiny, in minutes, on whatever adapter answers: does the script work?
#
# parts: doctor    the adapter, its limits, a self-test
#        verify    every kernel against the f64 oracle; with --thorough unless rehearsed
#        kernels   what the driver's compiler reports, where it does
#        tune      the fastest tile of klein-gordon and cavity, which bench and the runs then take
#        model     what `bench --model` predicts, written down before anything is measured
#        bench     the same steps measured
#        peers     the same steps in PyTorch and JAX, where Python finds one of them
#        runs      the paper's four conditions on klein-gordon and cavity, at the paper's settings, one seed
#
# only=PART,PART    does these alone
# limit=SECONDS     ends a part that takes longer (default: 7200, rehearsed 900)
# program=FILE      the binary, if it is not to be built here
# ACR_PINN_ADAPTER  chooses the adapter, as everywhere
#
# Exit code: 0 if every part succeeded or was left out for a stated reason, otherwise 1.
set -euo pipefail

rehearse=
folder=
for argument in "$@"; do
    case $argument in
        --rehearse) rehearse=yes ;;
        -h | --help)
            sed -n '2,/^set -/p' "${BASH_SOURCE[0]}" | sed '$d; s/^# \{0,1\}//'
            exit 0
            ;;
        -*)
            echo "error: unknown option $argument; ./scripts/gpu.sh --help" >&2
            exit 2
            ;;
        *) folder=$argument ;;
    esac
done

. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
limit=${limit:-$([ -n "$rehearse" ] && echo 900 || echo 7200)}
only=${only:-doctor,verify,kernels,tune,model,bench,peers,runs}
if [ -z "${program:-}" ]; then
    cargo build --release --locked --bin acr-pinn-gpu --manifest-path "$root/Cargo.toml"
    program=$target/release/acr-pinn-gpu
fi
# a relative path would be lost with the change of folder
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")
ACR_PINN_COMMIT=${ACR_PINN_COMMIT:-$(git -C "$root" describe --always --dirty --abbrev=12 2>/dev/null || true)}
if [ -n "$ACR_PINN_COMMIT" ]; then export ACR_PINN_COMMIT; else unset ACR_PINN_COMMIT; fi

# ── Where results go ─────────────────────────────────────────────────────────────────────────────────

# The adapter's name as part of a folder's name, from the line that a small verb prints about it.
adapter_name() {
    local line
    # a part of a name may be empty, and is then a part of every name
    line=$("$program" kernels klein-gordon --adapter "${ACR_PINN_ADAPTER:-}" 2>&1 >/dev/null | sed -n 's/^adapter: //p') || true
    line=${line%% · *}
    # llvmpipe adds its compiler in brackets
    line=${line%% (*}
    line=$(printf '%s' "$line" | tr '[:upper:]' '[:lower:]' | tr -cs 'a-z0-9' '-')
    line=${line#-}
    line=${line%-}
    printf '%s' "${line:-unknown}"
}

if [ -z "$folder" ]; then
    folder=$root/benches/results/$(date +%F)-$(adapter_name)
    [ -z "$rehearse" ] || folder=$folder-rehearsal
fi
if [ -e "$folder" ] && [ -n "$(ls -A "$folder" 2>/dev/null)" ]; then
    echo "error: $folder is not empty: name another folder" >&2
    exit 2
fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$root"
echo "results: $folder" >&2

# ── Parts ────────────────────────────────────────────────────────────────────────────────────────────

summary=()
start=$SECONDS

note() { summary+=("$(printf '%-22s %-9s %6s s   %s' "$1" "$2" "$3" "$4")"); }

wanted() { case ,$only, in *,"$1",*) return 0 ;; *) return 1 ;; esac }

# runs NAME COMMAND…: standard output into NAME.out, everything else into NAME.log; both stay whatever happens.
runs() {
    local name=$1 begin=$SECONDS code=0 how=()
    shift
    echo "── $name" >&2
    if command -v timeout >/dev/null 2>&1; then how=(timeout --kill-after=60 "$limit"); fi
    ${how[@]+"${how[@]}"} "$@" >"$folder/$name.out" 2>"$folder/$name.log" || code=$?
    if [ "$code" -eq 0 ]; then
        note "$name" "succeeded" $((SECONDS - begin)) ""
    elif [ "$code" -eq 3 ] && grep -q 'does not report\|has no Vulkan' "$folder/$name.log"; then
        # software, Metal and Direct3D have nothing to report with
        note "$name" "left out" $((SECONDS - begin)) "the driver does not report what its compiler made"
    else
        local why
        why=$(grep -v '^[[:space:]]*$' "$folder/$name.log" 2>/dev/null | tail -n 1 | cut -c 1-120 || true)
        [ "$code" -ne 124 ] || why="ended after $limit s (limit=SECONDS)"
        note "$name" "FAILED $code" $((SECONDS - begin)) "$why"
        echo "   failed ($code): $why" >&2
    fi
    return 0
}

problems=(klein-gordon cavity)
size=(--preset paper)
quick=()
predicted=()
tuning=(--tune)
thorough=(--thorough)
points=()
if [ -n "$rehearse" ]; then
    # a network and point sets with which software rendering takes seconds
    size=(--preset quick --width 8 --depth 1)
    quick=(--quick --plain --samples 5 --seconds 5)
    predicted=(--quick)
    tuning=(--tune=5)
    thorough=(--only functions --only random)
    points=(--points pde=64)
fi

if wanted doctor; then runs doctor "$program" doctor --json; fi
if wanted verify; then runs verify "$program" verify "${thorough[@]}" --json; fi
if wanted kernels; then
    for problem in "${problems[@]}"; do
        runs "kernels-$problem" "$program" kernels "$problem" "${size[@]}" --target gpu --driver --json
    done
fi
if wanted model; then
    runs model "$program" bench "${problems[@]}" --model "${size[@]}" ${predicted[@]+"${predicted[@]}"} --format json
    runs model-table "$program" bench "${problems[@]}" --model "${size[@]}" ${predicted[@]+"${predicted[@]}"} --format md
fi
if wanted tune; then
    for problem in "${problems[@]}"; do
        # one rung as it comes: what takes time is measuring tiles, and the tuner remembers what it finds
        runs "tune-$problem" "$program" bench "$problem" --plan fused --plain --samples 5 "${size[@]}" ${points[@]+"${points[@]}"} \
            "${tuning[@]}" --format json
    done
fi
if wanted bench; then
    for problem in "${problems[@]}"; do
        runs "bench-$problem" "$program" bench "$problem" "${size[@]}" ${quick[@]+"${quick[@]}"} \
            --save "$folder/bench-$problem.json" --trace "$folder/bench-$problem.trace.json" \
            --roofline "$folder/bench-$problem.png" --format md
    done
fi

# Whether Python finds a module, without loading it.
importable() { python3 -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$1') is None)" 2>/dev/null; }

if wanted peers; then
    if ! importable torch && ! importable jax; then
        note peers "left out" 0 "Python finds neither torch nor jax"
    elif ! importable numpy || ! importable safetensors; then
        note peers "left out" 0 "Python finds no numpy or no safetensors"
    else
        device=cpu
        if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; then device=cuda; fi
        peers=(--network lda --device "$device" --binary "$program" --json "$folder/peers.json" --md "$folder/peers.md")
        [ -z "${ACR_PINN_ADAPTER:-}" ] || peers+=(--adapter "$ACR_PINN_ADAPTER")
        if [ "$device" = cuda ]; then peers+=(--tf32); fi
        if [ -n "$rehearse" ]; then peers+=(--width 8 --depth 1 --rounds 3 --points pde=64); fi
        for problem in "${problems[@]}"; do peers+=(--problem "$problem"); done
        runs peers python3 benches/peers/compare.py "${peers[@]}"
    fi
fi

if wanted runs; then
    conditions=(study core --conditions "std,gcr,lda,acr" --seeds 1 --out "$folder/conditions" --json)
    conditions+=(--problems "$(IFS=, && echo "${problems[*]}")")
    if [ -n "$rehearse" ]; then
        runs conditions "$program" "${conditions[@]}" "${size[@]}" "${points[@]}" --steps 20 --evaluate-every 10
    else
        runs conditions "$program" "${conditions[@]}" "${size[@]}"
    fi
fi

# ── What became of it ────────────────────────────────────────────────────────────────────────────────

# Prediction and measurement side by side, if Python is there to read them.
if [ -s "$folder/model.out" ] && ls "$folder"/bench-*.json >/dev/null 2>&1 && command -v python3 >/dev/null 2>&1; then
    python3 - "$folder" >"$folder/predicted-and-measured.md" 2>>"$folder/model.log" <<'PYTHON' || true
import json, pathlib, sys

folder = pathlib.Path(sys.argv[1])
models = json.loads((folder / "model.out").read_text())["models"]
print("| problem | card or plan | µs/step |")
print("|---|---|---|")
for model in models:
    name = model["problem"]
    for card in model["model"]["cards"]:
        print(f"| {name} | predicted for {card['card']['name']} | {card['us']:.0f} |")
    path = folder / f"bench-{name}.json"
    if not path.exists():
        continue
    document = json.loads(path.read_text())
    for row in document["rows"]:
        if row["change"] == "" and "summary" in row:
            adapter = document["adapter"]["name"]
            print(f"| {name} | measured on {adapter}, plan {row['plan']} | {row['summary']['median_us']:.0f} |")
PYTHON
fi

{
    echo "scripts/gpu.sh${rehearse:+ --rehearse} · $(date '+%F %H:%M') · commit ${ACR_PINN_COMMIT:-unknown} · $((SECONDS - start)) s"
    printf '%s\n' "${summary[@]}"
} | tee "$folder/summary.txt" >&2
case "${summary[*]}" in *FAILED*) exit 1 ;; esac
