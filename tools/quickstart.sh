#!/usr/bin/env bash
# Train and test a small ADF network on real handwritten digits, from scratch.
#
#   bash tools/quickstart.sh
#
# Builds the environment and the data set, or reuses both, and trains into a new
# directory in work_dirs/quickstart, on a GPU if there is one.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

CONFIG=configs/adf/adf_tiny_digits.py
DATA=data/digits
OUT=work_dirs/quickstart/$(date +%Y%m%d_%H%M%S)

use_environment
SECONDS=0

echo "==> Data"
python tools/dataset_converters/digits.py "$DATA" || die "the data set could not be written to $DATA, see above"
echo "==> Training $CONFIG into $OUT"
python tools/train.py "$CONFIG" --work-dir "$OUT" || die "training failed, see above; the logs are in $OUT"
echo "==> Testing the best checkpoint"
python tools/analysis/report.py "$CONFIG" "$OUT" || die "the report failed, see above; the checkpoints are in $OUT"
echo "Done in $SECONDS s (without installation)."
