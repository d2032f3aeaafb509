#!/usr/bin/env bash
# Test on several GPUs, or in several CPU processes without a GPU.
#
#   bash tools/dist_test.sh CONFIG CHECKPOINT [GPUS] [options of tools/test.py]
#
# GPUS and the environment: see tools/dist_train.sh.
source "$(dirname "${BASH_SOURCE[0]}")/dist_common.sh"

(($# >= 2)) || invalid "usage: bash tools/dist_test.sh CONFIG CHECKPOINT [GPUS] [options]"
CONFIG=$1 CHECKPOINT=$2
shift 2
take_gpus "$@"
launch "$TOOLS/test.py" "$CONFIG" "$CHECKPOINT" "${REST[@]}"
