#!/usr/bin/env bash
# Build the pinned environment, or reuse it, and print its folder.
#
#   source "$(bash tools/setup_env.sh)/bin/activate"
#
# The folder is named after the content of the requirement files and the Python
# version, so a changed requirement gets a new environment. Settings:
#   PYTHON           the Python to build with (default: python3)
#   MMADF_ENV_HOME   where environments live (default: ~/.cache/mmadf)
#   MMADF_ENV        an environment of your own to use as it is
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

NEEDED_GB=8
PYTHON=${PYTHON:-python3}
ENV_HOME=${MMADF_ENV_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/mmadf}

if [[ -n ${MMADF_ENV:-} ]]; then
    [[ -x $MMADF_ENV/bin/python ]] || die "MMADF_ENV=$MMADF_ENV holds no bin/python"
    echo "$MMADF_ENV"
    exit
fi

command -v "$PYTHON" > /dev/null || die "no $PYTHON found; install Python 3.11 or newer, or set PYTHON"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "$PYTHON is $("$PYTHON" -V 2>&1), need Python 3.11 or newer; set PYTHON to one"

KEY=$("$PYTHON" - requirements/*.txt << 'PY'
import hashlib, pathlib, sys
files = b''.join(pathlib.Path(name).read_bytes() for name in sys.argv[1:])
print(hashlib.sha256(files + sys.version.encode()).hexdigest()[:12])
PY
)
ENV=$ENV_HOME/env-$KEY
mkdir -p "$ENV_HOME" || die "cannot write to $ENV_HOME; set MMADF_ENV_HOME"

# One builder at a time; the others wait and then find it complete.
if command -v flock > /dev/null; then
    exec 9> "$ENV_HOME/lock"
    flock 9
fi
if [[ ! -f $ENV/complete ]]; then
    free_gb=$(($(df -Pk "$ENV_HOME" | awk 'NR == 2 {print $4}') / 1048576))
    ((free_gb >= NEEDED_GB)) ||
        die "$free_gb GB free in $ENV_HOME, need $NEEDED_GB; make room or set MMADF_ENV_HOME"
    echo "setup_env: building $ENV, about 5 GB, some minutes" >&2
    rm -rf "$ENV"
    "$PYTHON" -m venv "$ENV" >&2 || die "$PYTHON cannot make a virtual environment (on Debian: apt install python3-venv)"
    "$ENV/bin/python" -m pip install --disable-pip-version-check -r requirements/env.txt >&2 ||
        die "pip could not install requirements/env.txt, see its last lines above (network? disk space?)"
    touch "$ENV/complete"
fi
echo "$ENV"
