#!/usr/bin/env bash
# Build the pinned environment, or reuse it, and print its directory.
#
#   source "$(bash tools/setup_env.sh)/bin/activate"
#
# The directory is named after a hash of the requirement files and the Python version, so
# that changed requirements get a new environment. This checkout is installed into it in
# editable mode, for the scripts and the command `mmadf`. Environment variables:
#   PYTHON           Python to build with (default: python3)
#   MMADF_ENV_HOME   directory of the environments (default: ~/.cache/mmadf)
#   MMADF_ENV        environment of your own to use instead
#   MMADF_TORCH      version of PyTorch instead of the pinned one, e.g. 2.8.0, the lowest
#                    supported one; gets a directory of its own
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

NEEDED_GB=8
PYTHON=${PYTHON:-python3}
ENV_HOME=${MMADF_ENV_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/mmadf}

if [[ -n ${MMADF_ENV:-} ]]; then
    [[ -x $MMADF_ENV/bin/python ]] || invalid "MMADF_ENV=$MMADF_ENV has no bin/python"
    echo "$MMADF_ENV"
    exit
fi

command -v "$PYTHON" > /dev/null || invalid "PYTHON=$PYTHON not found; install Python 3.11 or newer, or set PYTHON"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    invalid "PYTHON=$PYTHON is $("$PYTHON" -V 2>&1); Python 3.11 or newer is required"

TORCH=${MMADF_TORCH:-}
KEY=$("$PYTHON" - "$TORCH" requirements/*.txt << 'PY'
import hashlib, pathlib, sys
files = b''.join(pathlib.Path(name).read_bytes() for name in sys.argv[2:])
versions = (sys.version + sys.argv[1]).encode()
print(hashlib.sha256(files + versions).hexdigest()[:12])
PY
)
ENV=$ENV_HOME/env-$KEY
mkdir -p "$ENV_HOME" || invalid "MMADF_ENV_HOME=$ENV_HOME is not writable; set another one"

# One process builds; the others wait and find the environment complete. Python takes the
# lock, because not every system has flock(1). This shell keeps it through the descriptor.
exec 9> "$ENV_HOME/lock"
"$PYTHON" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' ||
    die "$ENV_HOME/lock cannot be locked; set MMADF_ENV_HOME to a local folder"
if [[ ! -f $ENV/complete ]]; then
    free_gb=$(($(df -Pk "$ENV_HOME" | awk 'NR == 2 {print $4}') / 1048576))
    ((free_gb >= NEEDED_GB)) ||
        die "$ENV_HOME has $free_gb GB free, but $NEEDED_GB GB are required; free some or set MMADF_ENV_HOME"
    echo "setup_env: building $ENV (about 5 GB, takes some minutes)" >&2
    rm -rf "$ENV"
    "$PYTHON" -m venv "$ENV" >&2 || die "$PYTHON cannot create a virtual environment (on Debian: apt install python3-venv)"
    requirements=requirements
    if [[ -n $TORCH ]]; then
        # pip chooses the torchvision for this torch, and what torch itself pins.
        requirements=$ENV/requirements
        mkdir "$requirements"
        sed "s/^torch==.*/torch==$TORCH/; s/^torchvision==.*/torchvision/" requirements/env.txt > "$requirements/env.txt"
        sed -E '/^(cuda-|nvidia-|sympy==|triton==)/d' requirements/constraints.txt > "$requirements/constraints.txt"
    fi
    "$ENV/bin/python" -m pip install --disable-pip-version-check -r "$requirements/env.txt" >&2 ||
        die "pip could not install $requirements/env.txt, see above"
    touch "$ENV/complete"
fi

# Checkouts with the same requirements share the environment: the last one to ask is
# installed. Scripts that must not depend on that set PYTHONPATH (common.sh).
if [[ ! -f $ENV/checkout || $(< "$ENV/checkout") != "$ROOT" ]]; then
    "$ENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --no-build-isolation --editable . >&2 || die "pip could not install $ROOT into $ENV, see above"
    echo "$ROOT" > "$ENV/checkout"
fi
echo "$ENV"
