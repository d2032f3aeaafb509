"""ADF on handwritten digits: the first thing to run, minutes on a CPU.

Run: bash tools/quickstart.sh, or, with the data in data/digits,
     python tools/train.py configs/adf/adf_tiny_digits.py
Expect: not trained yet. Cost: 2 x tiny ResNet-18.
"""

_base_ = './single_tiny_digits.py'

model = dict(type='ADFClassifier', mapper=dict(type='Mapper', sources=(0, 1)))
