# Functions that the scripts of this folder share; to be sourced.
set -euo pipefail
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname "$TOOLS")

# die MESSAGE: print one line to stderr and exit with 1.
die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# invalid MESSAGE: report invalid arguments or settings; exit with 2.
invalid() {
    echo "$(basename "$0"): $*" >&2
    exit 2
}

# Import the package from this checkout rather than an installed one.
use_checkout() {
    export PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH}
}

# Build or reuse the pinned environment and activate it.
use_environment() {
    local env
    env=$(bash "$TOOLS/setup_env.sh") || die 'the environment could not be built, see the line above'
    export PATH=$env/bin:$PATH
    use_checkout
}
