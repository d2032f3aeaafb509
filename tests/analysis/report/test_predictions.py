import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from torch.testing import assert_close

from mmadf.analysis.report import TEST, VALIDATION, kind_of_images
from mmadf.analysis.report.predictions import (
    WrongImage,
    collect_predictions,
    image_name,
)
from tests.analysis.report.examples import LABELS, Images, build, load
from tests.helpers import named

pytest.importorskip('tqdm')


@torch.no_grad()
def test_the_scores_of_all_readouts_are_collected_in_order():
    for readout in ('semantic', 'sum'):
        model, loader = build(readout=readout), load()
        found = collect_predictions(model, loader, keep=0)
        assert found.labels.tolist() == LABELS
        logits = model.logits_by_readout(loader.dataset.images)
        assert_close(found.scores, {name: x.softmax(1) for name, x in logits.items()})
        assert found.chosen == readout
        assert found.most_wrong == []


@torch.no_grad()
def test_another_classifier_has_one_readout():
    model, loader = build(type='ImageClassifier'), load()
    found = collect_predictions(model, loader, keep=0)
    expected = model(loader.dataset.images).softmax(1)
    assert_close(found.scores, dict(prediction=expected))
    assert found.chosen == 'prediction'


@torch.no_grad()
def test_most_wrong_images_have_the_lowest_probability_of_their_class():
    model = build(readout='sum')
    loader = load(files=[f'/home/me/set/{i}.png' for i in range(6)])
    images = loader.dataset.images
    scores = model(images).softmax(1)
    wrong = [i for i in range(6) if scores[i].argmax() != LABELS[i]]
    assert len(wrong) > 2
    expected = sorted(wrong, key=lambda i: scores[i, LABELS[i]])
    found = collect_predictions(model, loader, keep=6).most_wrong
    assert [image.index for image in found] == expected
    first = collect_predictions(model, loader, keep=2).most_wrong
    assert [image.index for image in first] == expected[:2]
    for image, index in zip(found, expected, strict=True):
        assert_close(image.inputs, images[index])
        assert image.path == f'/home/me/set/{index}.png'
        assert image.truth == LABELS[index]
        assert image.predicted == scores[index].argmax()
        assert image.truth_score == pytest.approx(scores[index, image.truth].item())
        assert image.score == pytest.approx(scores[index].max().item())


def test_name_of_an_image_has_no_absolute_path():
    for path, expected in {
        '/home/me/set/a/1.png': 'a/1.png',
        '/elsewhere/a/1.png': '1.png',
        None: 'image 7',
    }.items():
        image = WrongImage(torch.zeros(3, 1, 1), path, 7, 0, 1, 0.1, 0.9)
        assert image_name(image, Images()) == expected


def test_name_of_an_image_of_a_wrapped_test_set_has_its_class_folder(image_folder):
    parts = [
        dict(type='CustomDataset', data_root=str(image_folder / name), pipeline=[])
        for name in ('train', 'val')
    ]
    repeated = dict(type='RepeatDataset', dataset=parts[1], times=2)
    wrapped = dict(type='ConcatDataset', datasets=[parts[0], repeated])
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(wrapped)
    path = dataset.get_data_info(len(dataset) - 1)['img_path']
    image = WrongImage(torch.zeros(3, 1, 1), path, 0, 0, 1, 0.1, 0.9)
    assert image_name(image, dataset) == '/'.join(path.split('/')[-2:])


def test_validation_images_are_found_by_their_paths(image_folder):
    def _dataset(folder, prefix='', pipeline=()):
        return dict(
            type='CustomDataset',
            data_root=str(image_folder / folder),
            data_prefix=prefix,
            pipeline=pipeline,
        )

    cfg = Config(dict(test_dataloader=dict(dataset=_dataset('val'))))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
    assert kind_of_images(cfg, dataset) == TEST
    for folder, prefix, expected in (
        ('val', '', VALIDATION),
        ('.', 'val', VALIDATION),  # the same images by another path
        ('train', '', TEST),
        ('gone', '', TEST),
    ):
        val = _dataset(folder, prefix, [dict(type='PackInputs')])
        cfg.val_dataloader = dict(dataset=val)
        with named(folder):
            assert kind_of_images(cfg, dataset) == expected
