#!/usr/bin/env bash
# Build the environment if needed, run the linter and the whole test suite.
#
#   bash tools/run_tests.sh [pytest options]
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

use_environment

ruff check . || die 'ruff check failed, see above'
ruff format --check . || die 'the files above are not formatted; run: ruff format .'
# Two processes with one thread each are faster than one process with two threads. The
# tests of a file, which share networks, run in the same process (tests/conftest.py).
OMP_NUM_THREADS=1 python -m pytest -n 2 --dist loadfile "$@" || die 'tests failed, see above'
