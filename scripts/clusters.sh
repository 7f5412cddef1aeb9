#!/usr/bin/env bash
# One study by several processes, as on a cluster: a Slurm array, GNU parallel, and plain processes of which some are killed.
# The numbers of every run must be those of a study that one process did alone, and no run may be done twice.
#
#   ./scripts/clusters.sh                    everything that is installed here
#   only=slurm ./scripts/clusters.sh         one of: processes, parallel, slurm
#   program=FILE ./scripts/clusters.sh       the binary, if it is not to be built here
#
# Slurm is Debian's own (packages slurm-wlm and munge): its daemons are started here, in a folder of this script's, on ports of
# their own and for this user alone, and ended afterwards. GNU parallel is the package parallel. Where one is missing, that part
# is left out with a word; asked for by `only`, it fails.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
if [ -z "${program:-}" ]; then
    cargo build --release --locked --quiet --manifest-path "$root/Cargo.toml"
    program=$target/release/acr-pinn-gpu
fi
folder=$(mktemp -d)
daemons=()
finish() {
    local pid
    for pid in "${daemons[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${daemons[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"
export ACR_PINN_CACHE= PATH="$PATH:/usr/sbin"

# four runs of a second each, with a checkpoint now and then
study=(study core --problems klein-gordon --conditions "std,acr" --seeds 2 --preset quick --width 4 --depth 1
    --points pde=16 --steps 1500 --every 100 --evaluate-every 500)
# what a run of it ends with, without times
numbers() { (cd "$1/runs" && for run in *; do echo "$run $(sha256sum <"$run/history.csv") $(sha256sum <"$run/model.safetensors")"; done); }

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# Puts the study in $1 together, holds it against the one that was done alone, and says $2. What its processes said is in
# the files after that: a run that was done twice would be there twice.
check() {
    local at=$1 words=$2
    shift 2
    "$program" "${study[@]}" --quiet --json --out "$at" >"$at.json" || fail "$at cannot be put together"
    grep -q '"finished": 4' "$at.json" || fail "$at: not all runs are finished"
    [ "$(numbers "$at")" = "$(numbers alone)" ] || fail "$at: other numbers than alone"
    [ "$(cat "$@" | grep -c ': relative L2')" -eq 4 ] || fail "$at: not every run was done once: $(cat "$@")"
    echo "$words"
}

"$program" "${study[@]}" --quiet --out alone >/dev/null

# ── processes that share a folder, and lose some of theirs ───────────────────────────────────────────

processes() {
    local k pids=()
    for k in 1 2 3; do
        "$program" "${study[@]}" --out shared >/dev/null 2>"shared.$k" &
        pids+=($!)
    done
    # one is killed while it works
    until ls shared/runs/*/checkpoints/*.safetensors >/dev/null 2>&1; do sleep 0.05; done
    kill -9 "${pids[0]}"
    { ! wait "${pids[0]}"; } 2>/dev/null || fail "it was not killed"
    # another one comes later
    "$program" "${study[@]}" --out shared >/dev/null 2>shared.4 &
    pids[0]=$!
    for k in "${pids[@]}"; do wait "$k" || fail "a process ended with $?"; done
    check shared "processes: 4 runs by 3 processes in one folder, one killed and replaced: each done once, the same numbers" \
        shared.[1-4]
}

# ── GNU parallel ─────────────────────────────────────────────────────────────────────────────────────

with_parallel() {
    seq 2 | parallel --will-cite --jobs 2 "$program" "${study[@]}" --shard {}/2 --out sharded ">/dev/null" "2>sharded.{}"
    check sharded "parallel: 4 runs in 2 shards" sharded.[12]
}

# ── Slurm ────────────────────────────────────────────────────────────────────────────────────────────

start_slurm() {
    local at=$folder/slurm host
    host=$(hostname -s)
    mkdir -p "$at/state" "$at/spool"
    chmod 700 "$at"
    head -c 1024 /dev/urandom >"$at/munge.key"
    chmod 400 "$at/munge.key"
    cat >"$at/slurm.conf" <<EOF
ClusterName=here
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
AuthType=auth/munge
AuthInfo=socket=$at/munge.socket
CredType=cred/munge
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
StateSaveLocation=$at/state
SlurmdSpoolDir=$at/spool
SlurmctldPidFile=$at/slurmctld.pid
SlurmdPidFile=$at/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
KillWait=5
SchedulerParameters=sched_interval=1,batch_sched_delay=0
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
EOF
    export SLURM_CONF=$at/slurm.conf
    munged --foreground --force --num-threads=2 --key-file="$at/munge.key" --socket="$at/munge.socket" \
        --pid-file="$at/munged.pid" --log-file="$at/munged.log" --seed-file="$at/munged.seed" >"$at/munged.out" 2>&1 &
    daemons+=($!)
    until [ -S "$at/munge.socket" ]; do
        kill -0 "${daemons[-1]}" 2>/dev/null || fail "munged: $(tail -n 3 "$at/munged.out" "$at/munged.log")"
        sleep 0.1
    done
    slurmctld -D -c >"$at/slurmctld.log" 2>&1 &
    daemons+=($!)
    slurmd -D -c >"$at/slurmd.log" 2>&1 &
    daemons+=($!)
    local k
    for k in $(seq 100); do
        ! sinfo -h -o %T 2>/dev/null | grep -q '^idle$' || return 0
        sleep 0.3
    done
    fail "Slurm does not come up: $(tail -n 5 "$at"/slurm*.log)"
}

with_slurm() {
    start_slurm
    cat >job.sh <<EOF
#!/bin/sh
#SBATCH --array=0-1
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=$folder/array.%a
exec "$program" ${study[*]} --out "$folder/array" 2>&1
EOF
    local job
    job=$(sbatch --parsable job.sh)
    # a node that fails in the middle: Slurm begins the task anew
    until ls array/runs/*/checkpoints/*.safetensors >/dev/null 2>&1; do sleep 0.05; done
    scontrol requeue "${job}_0" || echo "(the first task was over before it could be put back)"
    until [ -z "$(squeue -h -j "$job" 2>/dev/null)" ]; do sleep 0.3; done
    check array "slurm: an array of 2 tasks, one put back in the middle" array.[01]
}

# ─────────────────────────────────────────────────────────────────────────────────────────────────────

for part in processes parallel slurm; do
    [ -z "${only:-}" ] || [ "$only" = "$part" ] || continue
    case $part in
        processes) processes ;;
        parallel)
            if command -v parallel >/dev/null; then with_parallel; else
                [ -z "${only:-}" ] || fail "GNU parallel is not installed (package parallel)"
                echo "parallel: left out, GNU parallel is not installed (package parallel)"
            fi
            ;;
        slurm)
            if command -v slurmctld >/dev/null && command -v munged >/dev/null; then with_slurm; else
                [ -z "${only:-}" ] || fail "Slurm is not installed (packages slurm-wlm and munge)"
                echo "slurm: left out, Slurm is not installed (packages slurm-wlm and munge)"
            fi
            ;;
    esac
done
echo "clusters: passed"
