"""ADF-ResNeXt-101 32x4d on ImageNet-1k, fused into the last stage but one.

The abstract of the paper does not name the stage. Among the fusions that add little to
the deployed network, this one was a point ahead of the single backbone in our study
(docs/results.md).

Run: bash tools/dist_train.sh configs/adf/adf_resnext101_imagenet.py 8
Expect: not trained by us; the abstract of the paper reports 81.11 % top-1, with a recipe
    that is not public.
Cost: 2 x ResNeXt-101 32x4d plus the mapper.
"""

_base_ = './single_resnext101_imagenet.py'

model = dict(
    type='ADFClassifier', mapper=dict(type='Mapper', sources=(0, 1), target=-2)
)
