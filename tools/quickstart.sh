#!/usr/bin/env bash
# Train, test, explain and deploy an ADF network on handwritten digits, from a fresh clone.
#
#   bash tools/quickstart.sh
#
# Creates the environment and the dataset unless they exist, and trains in a new
# folder below work_dirs/quickstart, on a GPU if one is available.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

CONFIG=configs/adf/adf_tiny_digits.py
IMAGENET=configs/adf/single_efficientnetlite0_imagenet.py
DATA=data/digits
OUT=work_dirs/quickstart/$(date +%Y%m%d_%H%M%S)_$$
LOG=$OUT/quickstart.log

# step NAME COMMAND...: append the output of a command to the log.
step() {
    local name=$1
    shift
    "$@" >> "$LOG" 2>&1 || {
        tail -n 3 "$LOG" >&2
        die "$name failed; the whole output is in $LOG"
    }
}

# Show the validation accuracy of every fifth epoch, and append all lines to the log.
show_progress() {
    tee -a "$LOG" | LC_ALL=C awk '/Epoch\(val\)/ {
        for (i = 1; i < NF; i++) if ($i == "accuracy/top1:" && ++n % 5 == 0) {
            printf "    epoch %d: %.1f %% of the validation images are right\n", n, $(i + 1)
            fflush()
        }
    }'
}

# Print a measured accuracy with what so few images can tell.
tell_accuracy() {
    python - "$1" << 'PY'
import json, sys
n, z = 360, 1.96
right = round(json.load(open(sys.argv[1]))['accuracy/top1'] / 100 * n)
p, spread = right / n, z * ((right / n * (1 - right / n) + z * z / (4 * n)) / n) ** 0.5
low, high = ((p + z * z / (2 * n) + s * spread) / (1 + z * z / n) for s in (-1, 1))
print(f'''The deployed network classifies {right} of {n} test images correctly, {p:.1%}.
So few images place its accuracy between {low:.1%} and {high:.1%} (95 % interval), which
is too wide to compare networks: docs/results.md compares them over several seeds.''')
PY
}

use_environment
SECONDS=0
mkdir -p "$OUT"

echo "==> Data: 1,797 images of handwritten digits from scikit-learn"
step 'writing the data set' python tools/dataset_converters/digits.py "$DATA"
echo "==> Training of two fused branches, 20 epochs, about a minute"
python tools/train.py "$CONFIG" --work-dir "$OUT" 2>&1 | show_progress ||
    step training false
echo "==> Report, deployment, and explanation of one test image of each digit"
BEST=$(echo "$OUT"/best_*.pth)
step 'the report' python tools/analysis/report.py "$CONFIG" "$OUT"
step 'the deployment' python tools/model_converters/deploy.py "$CONFIG" "$BEST" "$OUT/small.pth"
step 'the test' python tools/test.py "$OUT/small.py" "$OUT/small.pth" \
    --work-dir "$OUT/test" --out "$OUT/test.json" --out-item metrics
for folder in "$DATA"/test/*/; do
    images=("$folder"*.png)
    mkdir -p "$OUT/examples/digits/$(basename "$folder")"
    cp "${images[0]}" "$OUT/examples/digits/$(basename "$folder")"
done
step 'the explanation' python tools/analysis/explain.py "$CONFIG" "$BEST" "$OUT/examples/digits" "$OUT/digits"
echo "==> Explanation of photographs by a network with ImageNet weights"
step 'copying the photographs' python tools/dataset_converters/photographs.py "$OUT/examples/photographs"
step 'the ImageNet weights' python tools/model_converters/efficientnet_lite.py lite0 "$OUT/imagenet.pth"
step 'the explanation' python tools/analysis/explain.py "$IMAGENET" "$OUT/imagenet.pth" "$OUT/examples/photographs" "$OUT/photographs"

echo
tell_accuracy "$OUT/test.json"
cat << END

Done in $SECONDS s (without installation). In $OUT:
  photographs/index.html   six photographs: the classes, and the Grad-CAM evidence for them
  digits/index.html        ten digits: what both branches see, and what the gate lets in
  report.html              learning curves, confusions, the most wrong images, cost
  small.py, small.pth      the deployed network

Next, with the environment: source "$(dirname "$(command -v python)")/activate"
  mmadf --help                                   all commands
  docs/data.md                                   train on a folder of your own images
  docs/tutorial.ipynb                            the same steps on photographs, explained
  mmadf export small.py small.pth digits.onnx    in $OUT: the network as ONNX
To try your own photographs in a browser:
  mmadf demo $IMAGENET $OUT/imagenet.pth
END
