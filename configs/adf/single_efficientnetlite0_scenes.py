"""Control: a single EfficientNet-Lite0 with ImageNet weights, fine-tuned on scenes.

Run: python tools/model_converters/efficientnet_lite.py lite0 data/lite0.pth
    python tools/train.py configs/adf/single_efficientnetlite0_scenes.py
Expect: 76.2 ± 2.2 % test top-1 with 20 images per class, 84.3 ± 0.8 % with 100,
    90.8 ± 0.8 % after 5 epochs of all images (docs/results.md).
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
