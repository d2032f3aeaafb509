import torch
from mmpretrain.models import ClsDataPreprocessor

from mmadf.deployment.input_spec import (
    InputSpec,
    infer_input_spec,
    normalisation,
    yields_bgr,
)
from tests.helpers import named

LOAD, PACK = dict(type='LoadImageFromFile'), dict(type='PackInputs')
CROP = dict(type='CenterCrop', crop_size=(30, 24))
TO_PIL = dict(type='NumpyToPIL', to_rgb=True)
TV_CROP = dict(type='torchvision/CenterCrop', size=(24, 30))
FROM_PIL = dict(type='PILToNumpy', to_bgr=False)
IMAGENET = dict(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
TENSOR = [
    dict(type='torchvision/ToTensor'),
    dict(type='torchvision/Normalize', **IMAGENET),
]
NORMALISE = dict(type='Normalize', mean=[0] * 3, std=[2] * 3)


def test_size_order_and_channels_are_those_of_the_transformed_image():
    for pipeline, spec, remark in [
        ([LOAD, dict(type='Resize', scale=(40, 32)), PACK], ((32, 40), 'BGR', 3), ''),
        ([LOAD, CROP, PACK], ((24, 30), 'BGR', 3), ''),
        ([LOAD, TO_PIL, TV_CROP, FROM_PIL, PACK], ((24, 30), 'RGB', 3), ''),
        ([LOAD, PACK], (None, 'BGR', 3), 'no fixed size'),
        (
            [{**LOAD, 'color_type': 'grayscale'}, CROP, PACK],
            ((24, 30), None, 1),
            'grey',
        ),
        ([LOAD, CROP, NORMALISE, PACK], ((24, 30), None, 3), 'changes pixel values'),
        ([LOAD, dict(type='CenterCrop'), PACK], (None, None, 3), 'crop_size'),
        ([LOAD, CROP], (None, None, 3), 'KeyError'),
        ([PACK], (None, None, 3), 'reads no image files'),
        ([CROP, PACK], (None, None, 3), 'reads no image files'),
        ([], (None, 'BGR', 3), 'no test pipeline'),
    ]:
        with named(pipeline):
            *found, said, _ = infer_input_spec(pipeline)
            assert tuple(found) == spec
            assert remark in said and bool(remark) == bool(said)


def test_the_pipeline_decides_on_the_order_of_channels():
    for pipeline, to_rgb, is_bgr in [
        ([LOAD, PACK], True, True),
        ([LOAD, PACK], False, True),  # a network of BGR images
        ([LOAD, TO_PIL, FROM_PIL, PACK], False, False),
        ([LOAD, CROP, NORMALISE, PACK], False, False),  # it converts to RGB
        ([LOAD, CROP, {**NORMALISE, 'to_rgb': False}, PACK], False, True),
        ([LOAD, TO_PIL, TV_CROP, *TENSOR, PACK], False, False),
        ([{**LOAD, 'color_type': 'grayscale'}, CROP, PACK], False, True),
        ([LOAD, CROP], False, True),  # fails
        ([PACK], False, False),  # arrays, which are RGB
        ([PACK], True, True),
    ]:
        with named((pipeline, to_rgb)):
            preprocessor = ClsDataPreprocessor(to_rgb=to_rgb)
            assert yields_bgr(pipeline, preprocessor) == is_bgr


def test_mean_and_std_come_in_the_channel_order_of_the_network():
    for given, to_rgb, order in [
        ('BGR', True, 'RGB'),
        ('BGR', False, 'BGR'),
        ('RGB', True, 'BGR'),
    ]:
        preprocessor = ClsDataPreprocessor(mean=[1, 2, 3], std=[4, 5, 6], to_rgb=to_rgb)
        found = normalisation(preprocessor, InputSpec(order=given))
        assert found == dict(channel_order=order, mean=[1, 2, 3], std=[4, 5, 6])


def test_without_normalisation_mean_is_0_and_std_is_1():
    found = normalisation(ClsDataPreprocessor(), InputSpec(order='BGR'))
    assert found == dict(channel_order='BGR', mean=[0, 0, 0], std=[1, 1, 1])


def test_an_unknown_normalisation_is_empty():
    assert normalisation(ClsDataPreprocessor(), InputSpec()) == {}
    assert normalisation(torch.nn.Identity(), InputSpec(order='BGR')) == {}
