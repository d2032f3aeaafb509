#!/usr/bin/env bash
# Test on a Slurm cluster.
#
#   bash tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [options of tools/test.py]
#
# Environment: see tools/slurm_train.sh.
source "$(dirname "${BASH_SOURCE[0]}")/slurm_common.sh"

(($# >= 4)) || invalid "usage: bash tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [options]"
PARTITION=$1 JOB_NAME=$2 CONFIG=$3 CHECKPOINT=$4
shift 4
launch "$TOOLS/test.py" "$CONFIG" "$CHECKPOINT" "$@"
