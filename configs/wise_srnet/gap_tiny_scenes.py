"""Control: tiny ResNet with global average pooling on scenes at 84 pixels.

Run: python tools/train.py configs/wise_srnet/gap_tiny_scenes.py
Expect: 76.3 % top-1 (0.5 over 4 seeds) in configs/studies/wise_srnet_scenes.py.
Cost: 5 M multiply-adds per image; a minute on one CPU core.
"""

_base_ = [
    '../_base_/models/tiny_resnet_3stages.py',
    '../_base_/datasets/scenes.py',
    '../_base_/schedules/scenes.py',
    '../_base_/runtime.py',
]

default_hooks = dict(logger=dict(interval=10))
randomness = dict(seed=0)
