#!/usr/bin/env bash
# Train and test an ADF network on handwritten digits, from a fresh clone.
#
#   bash tools/quickstart.sh
#
# Creates the environment and the dataset unless they exist, and trains in a new
# folder below work_dirs/quickstart, on a GPU if one is available.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

CONFIG=configs/adf/adf_tiny_digits.py
DATA=data/digits
OUT=work_dirs/quickstart/$(date +%Y%m%d_%H%M%S)_$$

use_environment
SECONDS=0

echo "==> Data"
python tools/dataset_converters/digits.py "$DATA" || die "the data set could not be written to $DATA, see above"
echo "==> Training $CONFIG into $OUT"
python tools/train.py "$CONFIG" --work-dir "$OUT" || die "training failed, see above; the logs are in $OUT"
echo "==> Testing the best checkpoint"
python tools/analysis/report.py "$CONFIG" "$OUT" || die "the report failed, see above; the checkpoints are in $OUT"
echo "Done in $SECONDS s (without installation)."
