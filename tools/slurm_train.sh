#!/usr/bin/env bash
# Train on a Slurm cluster.
#
#   bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options of tools/train.py]
#
# Environment: GPUS (8), GPUS_PER_NODE (8), CPUS_PER_TASK (5), SRUN_ARGS.
source "$(dirname "${BASH_SOURCE[0]}")/slurm_common.sh"

(($# >= 4)) || invalid "usage: bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options]"
PARTITION=$1 JOB_NAME=$2 CONFIG=$3 WORK_DIR=$4
shift 4
launch "$TOOLS/train.py" "$CONFIG" --work-dir "$WORK_DIR" "$@"
