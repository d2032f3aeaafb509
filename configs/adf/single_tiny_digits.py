"""Control: the single backbone on handwritten digits.

Run: python tools/train.py configs/adf/single_tiny_digits.py
Expect: not trained yet. Cost: 1 x tiny ResNet-18.
"""

_base_ = [
    '../_base_/models/tiny_resnet.py',
    '../_base_/datasets/digits.py',
    '../_base_/schedules/digits.py',
    '../_base_/runtime.py',
]

default_hooks = dict(logger=dict(interval=10))
randomness = dict(seed=0)
