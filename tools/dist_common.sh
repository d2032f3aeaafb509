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
    local address=${MASTER_ADDR:-127.0.0.1} port=${PORT:-29500}
    local rendezvous=(--node-rank "${NODE_RANK:-0}" --master-addr "$address" --master-port "$port")
    if ((${MAX_RESTARTS:-0} > 0)); then
        rendezvous=(--max-restarts "$MAX_RESTARTS" --rdzv-backend c10d
            --rdzv-endpoint "$address:$port" --rdzv-id "${RDZV_ID:-mmadf}")
    fi
    python -m torch.distributed.run \
        --nnodes "${NNODES:-1}" \
        "${rendezvous[@]}" \
        --nproc-per-node "$GPUS" \
        "$@" --launcher pytorch
}
