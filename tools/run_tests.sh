#!/usr/bin/env bash
# Build the environment if needed, lint, and run the whole test suite.
#
#   bash tools/run_tests.sh [pytest options]
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

use_environment

ruff check . || die 'ruff check found the problems above'
ruff format --check . || die 'files above are not formatted, run: ruff format .'
# Two processes with a thread each: faster than one with two, and steadier. Tests that
# share an expensive network run in one of them.
OMP_NUM_THREADS=1 python -m pytest -n 2 --dist loadgroup "$@" || die 'tests failed, see above'
