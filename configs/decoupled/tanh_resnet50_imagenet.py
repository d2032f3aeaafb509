"""ResNet-50 with TanhConv (cosine) on ImageNet-1k, by `conv_cfg` in MMPretrain's recipe.

`conv_cfg` replaces the shortcut convolutions as well; DecoupledBackbone keeps them
ordinary, as the paper does.

Run: bash tools/dist_train.sh configs/decoupled/tanh_resnet50_imagenet.py 8
Expect: not trained by us; not in the paper.
Cost: 1 x ResNet-50 plus the patch norms.
"""

_base_ = [
    'mmpretrain::_base_/models/resnet50.py',
    'mmpretrain::_base_/datasets/imagenet_bs32_pil_resize.py',
    'mmpretrain::_base_/schedules/imagenet_bs256.py',
    '../_base_/runtime.py',
]

model = dict(
    backbone=dict(
        conv_cfg=dict(type='DecoupledConv2d', magnitude='tanh', angle='cosine')
    )
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'radius': dict(decay_mult=0.0)}))
