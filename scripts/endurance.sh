#!/usr/bin/env bash
# The long tests of what a run survives; `cargo test --test faults` is their short version.
#
#   ./scripts/endurance.sh                        200 kills, then 20 minutes without a pause
#   kills=20 minutes=2 ./scripts/endurance.sh
#   folder=DIR ./scripts/endurance.sh             keeps the runs there
#
# kills:   `kill -9` at random moments of a small run that writes a checkpoint every five steps. Every `resume` must
#          work without finding a damaged file, and model, history and diagnostics must end with the bytes of a run
#          that was left alone.
# minutes: a run that is only watched. Resident memory must stay within ± 2 %, buffers and device memory must not
#          grow, and the steps per second of processor time must not fall.
# program: the binary, if it is not to be built here.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
kills=${kills:-200} minutes=${minutes:-20}
if [ -z "${program:-}" ]; then
    cargo build --release --locked --quiet --manifest-path "$root/Cargo.toml"
    program=$target/release/acr-pinn-gpu
fi
if [ -n "${folder:-}" ]; then
    mkdir -p "$folder"
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
cd "$folder"
# nothing that this user measured before, and nothing to be remembered
export ACR_PINN_CACHE=
small=(run klein-gordon --preset quick --width 4 --depth 1 --points pde=16 --points bc=8)

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

now() { date +%s%N; }

# ── kill -9 ──────────────────────────────────────────────────────────────────────────────────────────

files=(model.safetensors history.csv diagnostics.jsonl)
settings=(--steps 2000 --every 5 --evaluate-every 250 --quiet)

newest() { ls broken/checkpoints/*.safetensors 2>/dev/null | tail -n 1 || true; }

# Starts or continues the run `broken` in the background.
begin() {
    if [ -f broken/run.json ]; then
        "$program" resume broken >>output 2>>errors &
    else
        rm -rf broken
        "$program" "${small[@]}" "${settings[@]}" --out broken >>output 2>>errors &
    fi
    running=$!
}

# Waits until the run has written a checkpoint, or ended; then a moment more.
wait_for_progress() {
    local before=$1
    while [ "$(newest)" = "$before" ] && kill -0 "$running" 2>/dev/null; do sleep 0.02; done
    sleep "0.$((RANDOM % 40 + 10))"
}

compare() {
    local name
    for name in "${files[@]}"; do
        cmp -s "whole/$name" "broken/$name" || fail "$name differs after $killed kills (runs are in $folder)"
    done
    [ "$(grep -o '"sha256": "[0-9a-f]*"' whole/run.json)" = "$(grep -o '"sha256": "[0-9a-f]*"' broken/run.json)" ] ||
        fail "the trajectory's hash differs"
    ! ls broken/*.tmp broken/checkpoints/*.tmp >/dev/null 2>&1 || fail "temporary files are left"
}

if [ "$kills" -gt 0 ]; then
    : >output && : >errors
    rm -rf whole broken
    start=$(now)
    "$program" "${small[@]}" "${settings[@]}" --out whole >>output
    whole=$((($(now) - start) / 1000000))
    killed=0 rounds=0 early=0
    while [ "$killed" -lt "$kills" ]; do
        before=$(newest)
        begin
        if [ $((RANDOM % 3)) -gt 0 ]; then
            wait_for_progress "$before"
        else
            # anywhere, also while it starts
            sleep "$(awk -v ms="$whole" -v r="$RANDOM" 'BEGIN { printf "%.3f", ms * r / 32768 / 1000 / 2 }')"
        fi
        if kill -9 "$running" 2>/dev/null; then
            wait "$running" 2>/dev/null && code=0 || code=$?
        else
            wait "$running" && code=0 || code=$?
        fi
        case $code in
            137)
                killed=$((killed + 1))
                [ "$(newest)" != "$before" ] || early=$((early + 1))
                ;;
            0)
                compare
                rounds=$((rounds + 1))
                rm -rf broken
                ;;
            *) fail "exit code $code after $killed kills: $(tail -n 2 errors)" ;;
        esac
        ! grep -q "damaged\|not readable" errors || fail "$(grep "damaged\|not readable" errors | head -n 1)"
    done
    begin
    wait "$running" || fail "exit code $? at the end: $(tail -n 2 errors)"
    compare
    echo "kills: $killed ($early of them before a new checkpoint), $((rounds + 1)) runs ended with the bytes of a run left alone"
fi

# ── a long run ───────────────────────────────────────────────────────────────────────────────────────

if [ "$minutes" -gt 0 ]; then
    rm -rf long
    NO_COLOR=1 RUST_LOG=error,acr_pinn_gpu=debug "$program" "${small[@]}" --steps 2000000000 --evaluate-every 200 \
        --out long >output 2>log &
    running=$!
    : >samples
    ends=$(($(date +%s) + 60 * minutes))
    while [ "$(date +%s)" -lt "$ends" ]; do
        sleep 10
        kill -0 "$running" 2>/dev/null || fail "the long run ended by itself: $(tail -n 2 log)"
        line=$(grep evaluated log | tail -n 1 || true)
        [ -n "$line" ] || continue
        # time, step, resident KiB, ticks of processor time, buffers, bytes on the device
        echo "$(date +%s)" "$(sed 's/.*step=\([0-9]*\).*/\1/' <<<"$line")" \
            "$(awk '/VmRSS/ { print $2 }' "/proc/$running/status")" \
            "$(awk '{ print $14 + $15 }' "/proc/$running/stat")" \
            "$(sed 's/.*buffers=\([0-9]*\).*/\1/' <<<"$line")" \
            "$(sed 's/.*bytes=\([0-9]*\).*/\1/' <<<"$line")" >>samples
    done
    kill -TERM "$running"
    wait "$running" && code=0 || code=$?
    [ "$code" -eq 143 ] || fail "exit code $code after SIGTERM instead of 143"
    # the first tenth is for caches to fill
    awk -v ticks="$(getconf CLK_TCK)" '
        { time[NR] = $1; step[NR] = $2; rss[NR] = $3; cpu[NR] = $4 / ticks; buffers[NR] = $5; bytes[NR] = $6 }
        function speed(a, b) { return (step[b] - step[a]) / (cpu[b] - cpu[a]) }
        END {
            first = int(NR / 10) + 1; middle = int((first + NR) / 2)
            if (NR < 6) { print "too few samples: " NR; exit 1 }
            low = high = rss[first]; same = 1
            for (i = first; i <= NR; i++) {
                if (rss[i] < low) low = rss[i]
                if (rss[i] > high) high = rss[i]
                if (buffers[i] != buffers[first] || bytes[i] != bytes[first]) same = 0
            }
            spread = 100 * (high - low) / (high + low)
            a = speed(first, middle); b = speed(middle, NR)
            printf "soak: %d s, %d steps, %.1f per second (%.1f and %.1f per processor second in the halves)\n",
                time[NR] - time[1], step[NR] - step[1], (step[NR] - step[1]) / (time[NR] - time[1]), a, b
            printf "      memory %.1f MiB ± %.2f %%, %d buffers and %d bytes on the device, %s\n",
                (high + low) / 2048, spread, buffers[NR], bytes[NR], same ? "unchanged" : "CHANGED"
            if (spread > 2 || !same || b < 0.9 * a) exit 1
        }' samples || fail "the long run was not steady"
fi
echo "endurance: passed"
