#!/usr/bin/env bash
# Train on several GPUs, or in several CPU processes without a GPU.
#
#   bash tools/dist_train.sh CONFIG [GPUS] [options of tools/train.py]
#
# GPUS: number of processes on this machine; default: one per visible GPU, one without.
# Several machines: run it on each of them with NNODES, NODE_RANK and MASTER_ADDR set.
# Environment: NNODES (1), NODE_RANK (0), PORT (29500), MASTER_ADDR (127.0.0.1).
source "$(dirname "${BASH_SOURCE[0]}")/dist_common.sh"

(($# >= 1)) || invalid "usage: bash tools/dist_train.sh CONFIG [GPUS] [options]"
CONFIG=$1
shift
take_gpus "$@"
launch "$TOOLS/train.py" "$CONFIG" "${REST[@]}"
