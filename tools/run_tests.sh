#!/usr/bin/env bash
# Build the environment if needed, lint, and run the whole test suite.
#
#   bash tools/run_tests.sh [pytest options]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
    echo "run_tests: $*" >&2
    exit 1
}

ENV=$(bash tools/setup_env.sh) || die 'no environment, see the line above'
export PATH=$ENV/bin:$PATH PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}

ruff check . || die 'ruff check found the problems above'
ruff format --check . || die 'files above are not formatted, run: ruff format .'
# Two processes with a thread each: faster than one with two, and steadier.
OMP_NUM_THREADS=1 python -m pytest -n 2 "$@" || die 'tests failed, see above'
