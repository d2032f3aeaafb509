# Functions that dist_train.sh and dist_test.sh share; to be sourced.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_checkout

# take_gpus [GPUS] [options]: set GPUS and REST from the remaining arguments.
take_gpus() {
    if (($# >= 1)) && [[ $1 != -* ]]; then
        [[ $1 =~ ^[1-9][0-9]*$ ]] || invalid "GPUS=$1 must be a positive integer"
        GPUS=$1
        shift
    else
        GPUS=$(python -c 'import torch; print(max(torch.cuda.device_count(), 1))') ||
            die "torch cannot be imported; activate the environment (tools/setup_env.sh)"
    fi
    REST=("$@")
}

# launch SCRIPT [arguments]: run one process per GPU with torchrun.
launch() {
    python -m torch.distributed.run \
        --nnodes "${NNODES:-1}" \
        --node-rank "${NODE_RANK:-0}" \
        --master-addr "${MASTER_ADDR:-127.0.0.1}" \
        --master-port "${PORT:-29500}" \
        --nproc-per-node "$GPUS" \
        "$@" --launcher pytorch
}
