# What the scripts of this folder share; source it.
set -euo pipefail
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname "$TOOLS")

# die MESSAGE: end with one clear line.
die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# Find this checkout's package before an installed one.
use_checkout() {
    export PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH}
}

# Build or reuse the pinned environment and work in it.
use_environment() {
    local env
    env=$(bash "$TOOLS/setup_env.sh") || die 'no environment, see the line above'
    export PATH=$env/bin:$PATH
    use_checkout
}
