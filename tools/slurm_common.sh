# Functions that slurm_train.sh and slurm_test.sh share; to be sourced.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_checkout

# launch SCRIPT [arguments]: run one task per GPU with srun.
launch() {
    command -v srun > /dev/null || invalid "srun not found; without Slurm use tools/dist_train.sh"
    # SRUN_ARGS is split into words on purpose.
    # shellcheck disable=SC2086
    srun \
        -p "$PARTITION" \
        --job-name="$JOB_NAME" \
        --gres=gpu:"${GPUS_PER_NODE:-8}" \
        --ntasks="${GPUS:-8}" \
        --ntasks-per-node="${GPUS_PER_NODE:-8}" \
        --cpus-per-task="${CPUS_PER_TASK:-5}" \
        --kill-on-bad-exit=1 \
        ${SRUN_ARGS:-} \
        python -u "$@" --launcher slurm
}
