"""Control: a single thin ResNet-18 on scenes, crops of 64 pixels.

Run: python tools/train.py configs/adf/single_thin_scenes.py
Expect: 71.8 % top-1 (1.3 over 7 seeds) in configs/studies/adf_scenes.py.
Cost: 3.4 M multiply-adds per image; half a minute on one CPU core.
"""

_base_ = [
    '../_base_/models/thin_resnet18.py',
    '../_base_/datasets/scenes_64.py',
    '../_base_/schedules/scenes.py',
    '../_base_/runtime.py',
]

default_hooks = dict(logger=dict(interval=10))
randomness = dict(seed=0)
