#!/usr/bin/env bash
# Train on several GPUs, or over several CPU processes where there is no GPU.
#
#   bash tools/dist_train.sh CONFIG [GPUS] [options of tools/train.py]
#
# GPUS: processes on this machine, by default one per visible GPU (one on a CPU).
# Several machines: run it on each with NNODES, NODE_RANK and MASTER_ADDR set.
# Environment: NNODES (1), NODE_RANK (0), PORT (29500), MASTER_ADDR (127.0.0.1).
source "$(dirname "${BASH_SOURCE[0]}")/dist_common.sh"

(($# >= 1)) || die "usage: bash tools/dist_train.sh CONFIG [GPUS] [options]"
CONFIG=$1
shift
take_gpus "$@"
launch "$TOOLS/train.py" "$CONFIG" "${REST[@]}"
