"""Control: two ResNeXt-101 32x4d without fusion, logits summed, ImageNet-1k.

Run: bash tools/dist_train.sh configs/adf/ensemble_resnext101_imagenet.py 8
Expect: not trained by us.
Cost: 2 x ResNeXt-101 32x4d.
"""

_base_ = './single_resnext101_imagenet.py'

model = dict(type='ADFClassifier', mapper=None, readout='sum')
