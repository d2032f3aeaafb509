#!/usr/bin/env bash
# Train on a Slurm cluster.
#
#   bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options of tools/train.py]
#
# It waits for the end of the training. With BATCH=1 it submits a batch job instead, which
# is requeued before its time limit and after preemption, and resumes where it was.
# On CPU nodes: GPUS=0 NTASKS=2 CPUS_PER_TASK=1.
#
# Environment: GPUS (8), GPUS_PER_NODE (8, or GPUS if there are fewer), CPUS_PER_TASK (5),
# SRUN_ARGS; GPUS=0 for CPU nodes, with NTASKS (1); BATCH=1 for a batch job, with
# SBATCH_ARGS and NOTICE (120), the seconds between the signal to stop and the time limit.
source "$(dirname "${BASH_SOURCE[0]}")/slurm_common.sh"

(($# >= 4)) || invalid "usage: bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options]"
PARTITION=$1 JOB_NAME=$2 CONFIG=$3 WORK_DIR=$4
shift 4
arguments=("$TOOLS/train.py" "$CONFIG" --work-dir "$WORK_DIR" "$@")
if [[ ${BATCH:-} ]]; then
    [[ " $* " != *' --overwrite '* ]] ||
        invalid "--overwrite would restart a requeued job; remove $WORK_DIR first"
    submit "$WORK_DIR/slurm-%j.log" "${arguments[@]}"
else
    launch "${arguments[@]}"
fi
