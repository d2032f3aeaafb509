#!/usr/bin/env bash
# Train on several GPUs, or in several CPU processes without a GPU.
#
#   bash tools/dist_train.sh CONFIG [GPUS] [options of tools/train.py]
#
# GPUS: number of processes on this machine; default: one per visible GPU, one without.
# Several machines: run it on each of them with NNODES, NODE_RANK and MASTER_ADDR set.
# Environment: NNODES (1), NODE_RANK (0), PORT (29500), MASTER_ADDR (127.0.0.1), and
# MAX_RESTARTS (0): how often all processes are restarted after one has ended, which needs
# --resume without a file; machines then find each other without NODE_RANK, and RDZV_ID
# names the job.
source "$(dirname "${BASH_SOURCE[0]}")/dist_common.sh"

(($# >= 1)) || invalid "usage: bash tools/dist_train.sh CONFIG [GPUS] [options]"
CONFIG=$1
shift
take_gpus "$@"
[[ ${MAX_RESTARTS:-0} =~ ^[0-9]+$ ]] || invalid "MAX_RESTARTS=$MAX_RESTARTS must be an integer >= 0"
# A file after --resume would be where each restart begins.
((${MAX_RESTARTS:-0} == 0)) || [[ " ${REST[*]} " =~ ' --resume '(-|$) ]] ||
    invalid "MAX_RESTARTS=$MAX_RESTARTS needs --resume without a file, with which restarted processes continue from the newest checkpoint"
launch "$TOOLS/train.py" "$CONFIG" "${REST[@]}"
