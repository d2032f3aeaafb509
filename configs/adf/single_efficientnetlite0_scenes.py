"""Control: a single EfficientNet-Lite0 with ImageNet weights, fine-tuned on scenes.

Run: python tools/study.py configs/studies/adf_pretrained_scenes.py (see its docstring)
Expect: 76.2 ± 2.2 % test top-1 as `single`, with 20 images per class; 84.3 ± 0.8 % in
    adf_pretrained_scenes_100.py and 90.8 ± 0.8 % in adf_pretrained_scenes_all.py
    (docs/results.md).
Cost: 71 M multiply-adds per image of 96 pixels.
"""

_base_ = [
    '../_base_/models/efficientnet_lite0.py',
    '../_base_/datasets/scenes_96.py',
    '../_base_/schedules/scenes_finetune.py',
    '../_base_/runtime.py',
]

pretrained = dict(type='Pretrained', checkpoint='data/lite0.pth', prefix='backbone')
model = dict(backbone=dict(init_cfg=pretrained), head=dict(num_classes=6, topk=(1,)))
default_hooks = dict(
    logger=dict(interval=5), channels_last=dict(type='ChannelsLastHook')
)
randomness = dict(seed=0)
