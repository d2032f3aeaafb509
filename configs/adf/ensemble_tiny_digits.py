"""Control: two tiny backbones without fusion, logits summed.

Run: python tools/train.py configs/adf/ensemble_tiny_digits.py
Expect: not trained yet. Cost: 2 x tiny ResNet-18.
"""

_base_ = './single_tiny_digits.py'

model = dict(type='ADFClassifier', mapper=None, readout='sum')
