"""ADF-ResNeXt-101 32x4d on ImageNet-1k, fused into the last two stages.

The abstract of the paper names neither the fused stages nor a loss besides both
cross-entropies. Ours: the stages and the distillation between the heads, with both of
which ADF gained accuracy in our studies of small networks (docs/results.md). The option
`model.distill_weight=0` gives the paper's losses.

Run: bash tools/dist_train.sh configs/adf/adf_resnext101_imagenet.py 8
Expect: not trained by us; the abstract of the paper reports 81.11 % top-1, with a recipe
    that is not public.
Cost: 2 x ResNeXt-101 32x4d plus two mappers.
"""

_base_ = './single_resnext101_imagenet.py'

model = dict(
    type='ADFClassifier',
    mapper=[
        dict(type='Mapper', sources=(0, 1), target=-2),
        dict(type='Mapper', sources=(0, 1), target=-1),
    ],
    distill_weight=1.0,
    distill_temperature=2.0,
)
