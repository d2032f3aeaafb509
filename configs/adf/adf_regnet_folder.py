"""ADF-RegNetX-200MF on your own images, without pretrained weights, for a CPU.

The images are where configs/_base_/datasets/image_folder.py expects them. The option
"model.head.loss.class_weight=[1.0,3.0]" weights the classes in the loss.

Run: python tools/train.py configs/adf/adf_regnet_folder.py --cfg-options
    data_preprocessor.num_classes=7 model.head.num_classes=7
Expect: depends on the images; not trained by us. Prefer adf_resnet50_folder.py if its
    ImageNet weights can be downloaded and a GPU is available.
Cost: 120 M multiply-adds per image in training, 70 M deployed.
"""

_base_ = [
    '../_base_/models/regnetx_200mf.py',
    '../_base_/datasets/image_folder_112.py',
    '../_base_/schedules/image_folder.py',
    '../_base_/runtime.py',
]

num_classes = 2
default_hooks = dict(logger=dict(interval=10))
data_preprocessor = dict(num_classes=num_classes)
mappers = [dict(type='Mapper', sources=(0, 1), target=target) for target in (-2, -1)]
head = dict(num_classes=num_classes)
distillation = dict(distill_weight=1.0, distill_temperature=2.0)
model = dict(type='ADFClassifier', mapper=mappers, head=head, **distillation)
