# Functions that slurm_train.sh and slurm_test.sh share; to be sourced.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_checkout

# set_resources: set RESOURCES, the options of srun and sbatch, from the environment.
set_resources() {
    local tasks=${GPUS:-8} per_node cpus=${CPUS_PER_TASK:-5}
    [[ $tasks =~ ^[0-9]+$ ]] || invalid "GPUS=$tasks must be an integer, 0 for CPU nodes"
    per_node=${GPUS_PER_NODE:-$((tasks < 8 ? tasks : 8))}
    RESOURCES=(-p "$PARTITION" --job-name="$JOB_NAME" --cpus-per-task="$cpus")
    if ((tasks > 0)); then
        RESOURCES+=(--ntasks="$tasks" --ntasks-per-node="$per_node" --gres=gpu:"$per_node")
    else
        [[ ${NTASKS:-1} =~ ^[1-9][0-9]*$ ]] || invalid "NTASKS=$NTASKS must be positive"
        RESOURCES+=(--ntasks="${NTASKS:-1}")
        export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$cpus}
    fi
}

# launch SCRIPT [arguments]: run one task per GPU, or NTASKS tasks on CPUs, with srun.
launch() {
    command -v srun > /dev/null || invalid "srun not found; without Slurm use tools/dist_train.sh"
    set_resources
    # SRUN_ARGS is split into words on purpose.
    # shellcheck disable=SC2086
    srun "${RESOURCES[@]}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
        python -u "$@" --launcher slurm
}

# submit LOG SCRIPT [arguments]: queue the same as a batch job that is requeued.
submit() {
    local log=$1
    shift
    command -v sbatch > /dev/null || invalid "sbatch not found; without Slurm use tools/dist_train.sh"
    set_resources
    mkdir -p "$(dirname "$log")"
    # SBATCH_ARGS and SRUN_ARGS are split into words on purpose.
    # shellcheck disable=SC2086
    sbatch "${RESOURCES[@]}" --requeue --signal="B:USR1@${NOTICE:-120}" \
        --output="$log" --open-mode=append ${SBATCH_ARGS:-} \
        "$TOOLS/slurm_job.sh" --cpus-per-task="${CPUS_PER_TASK:-5}" ${SRUN_ARGS:-} \
        python -u "$@" --launcher slurm
}
