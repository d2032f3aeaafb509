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

pytest.importorskip('tqdm')


@pytest.mark.parametrize('readout', ['semantic', 'sum'])
@torch.no_grad()
def test_the_scores_of_all_readouts_are_collected_in_order(readout):
    model, loader = build(readout=readout), load()
    found = collect_predictions(model, loader, keep=0)
    assert found.labels.tolist() == LABELS
    logits = model.scores(loader.dataset.images)
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


@pytest.mark.parametrize('keep', [2, 6])
@torch.no_grad()
def test_most_wrong_images_have_the_lowest_probability_of_their_class(keep):
    model = build(readout='sum')
    loader = load(files=[f'/home/me/set/{i}.png' for i in range(6)])
    images = loader.dataset.images
    scores = model(images).softmax(1)
    wrong = [i for i in range(6) if scores[i].argmax() != LABELS[i]]
    assert len(wrong) > 2
    expected = sorted(wrong, key=lambda i: scores[i, LABELS[i]])[:keep]
    found = collect_predictions(model, loader, keep).most_wrong
    assert [image.index for image in found] == expected
    for image, index in zip(found, expected, strict=True):
        assert_close(image.inputs, images[index])
        assert image.path == f'/home/me/set/{index}.png'
        assert image.truth == LABELS[index]
        assert image.predicted == scores[index].argmax()
        assert image.truth_score == pytest.approx(scores[index, image.truth].item())
        assert image.score == pytest.approx(scores[index].max().item())


@pytest.mark.parametrize(
    ('path', 'expected'),
    [
        ('/home/me/set/a/1.png', 'a/1.png'),
        ('/elsewhere/a/1.png', '1.png'),
        (None, 'image 7'),
    ],
)
def test_name_of_an_image_has_no_absolute_path(path, expected):
    image = WrongImage(torch.zeros(3, 1, 1), path, 7, 0, 1, 0.1, 0.9)
    assert image_name(image, Images()) == expected


@pytest.mark.parametrize(
    ('folder', 'prefix', 'expected'),
    [
        ('val', '', VALIDATION),
        ('.', 'val', VALIDATION),  # the same images by another path
        ('train', '', TEST),
        ('gone', '', TEST),
    ],
)
def test_validation_images_are_found_by_their_paths(
    folder, prefix, expected, image_folder
):
    def _dataset(folder, prefix, pipeline):
        return dict(
            type='CustomDataset',
            data_root=str(image_folder / folder),
            data_prefix=prefix,
            pipeline=pipeline,
        )

    test = _dataset('val', '', [])
    val = _dataset(folder, prefix, [dict(type='PackInputs')])
    cfg = Config(
        dict(val_dataloader=dict(dataset=val), test_dataloader=dict(dataset=test))
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(test)
    assert kind_of_images(cfg, dataset) == expected
    cfg.val_dataloader = None
    assert kind_of_images(cfg, dataset) == TEST
