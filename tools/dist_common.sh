# What dist_train.sh and dist_test.sh share; source it.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_checkout

# Set GPUS and REST from the arguments behind the positional ones.
take_gpus() {
    if (($# >= 1)) && [[ $1 != -* ]]; then
        [[ $1 =~ ^[1-9][0-9]*$ ]] || die "GPUS=$1 must be a whole number above 0"
        GPUS=$1
        shift
    else
        GPUS=$(python -c 'import torch; print(max(torch.cuda.device_count(), 1))') ||
            die "python has no working torch; activate the environment (tools/setup_env.sh)"
    fi
    REST=("$@")
}

# launch SCRIPT [arguments]: one process per GPU through torchrun.
launch() {
    python -m torch.distributed.run \
        --nnodes "${NNODES:-1}" \
        --node-rank "${NODE_RANK:-0}" \
        --master-addr "${MASTER_ADDR:-127.0.0.1}" \
        --master-port "${PORT:-29500}" \
        --nproc-per-node "$GPUS" \
        "$@" --launcher pytorch
}
