import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from mmpretrain.structures import DataSample
from torch.testing import assert_close
from torch.utils.data import DataLoader, Dataset

from mmadf.analysis import cost_by_part, report, total_cost
from mmadf.engine.readouts import chosen_readout, has_readouts
from mmadf.registry import MODELS
from tests.analysis.test_logs import BY_EPOCH, train, val
from tests.helpers import adf_cfg, randomise

LABELS = [0, 3, 1, 4, 2, 2]


class Images(Dataset):
    """Random images of 5 classes, as MMPretrain's data sets return them."""

    metainfo = dict(classes=tuple('abcde'))

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.images = torch.randn(6, 3, 32, 32, generator=generator)

    def __len__(self):
        return 6

    def __getitem__(self, index):
        sample = DataSample().set_gt_label(LABELS[index])
        return dict(inputs=self.images[index], data_samples=sample)


@pytest.fixture
def loader():
    return DataLoader(Images(), batch_size=4, collate_fn=pseudo_collate)


def build(**changes):
    cfg = adf_cfg(**changes)
    if cfg['type'] == 'ImageClassifier':
        cfg.pop('mapper')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return randomise(MODELS.build(cfg), std=0.2).eval()


@pytest.mark.parametrize('readout', ['semantic', 'sum'])
@torch.no_grad()
def test_the_scores_of_all_readouts_are_collected_in_order(readout, loader):
    model = build(readout=readout)
    scores, labels = report.collect_scores(model, loader)
    assert labels.tolist() == LABELS
    logits = model.scores(loader.dataset.images)
    assert_close(scores, {name: x.softmax(1) for name, x in logits.items()})
    assert chosen_readout(model) == readout


@torch.no_grad()
def test_another_classifier_has_one_readout(loader):
    model = build(type='ImageClassifier')
    scores, labels = report.collect_scores(model, loader)
    assert labels.tolist() == LABELS
    assert_close(scores, dict(prediction=model(loader.dataset.images).softmax(1)))
    assert not has_readouts(model)


def test_the_table_has_the_accuracy_of_each_readout():
    scores = torch.tensor([[0.6, 0.4], [0.3, 0.7], [0.9, 0.1], [0.8, 0.2]])
    labels = torch.tensor([0, 1, 1, 0])
    table = report.readout_table(
        dict(one=scores, other=1 - scores), labels, report.Cost(1234567, 89000000)
    )
    rows = [[cell.strip() for cell in line.split('|')] for line in table.splitlines()]
    assert rows[2][1:5] == ['one', '75.00', '1.235', '0.0890']
    assert rows[3][1:3] == ['other', '25.00']


@pytest.fixture
def figures(monkeypatch):
    """Return the figures that are saved, still open, instead of closing them."""
    pyplot = pytest.importorskip('matplotlib.pyplot')
    saved = []
    monkeypatch.setattr(pyplot, 'close', saved.append)
    yield saved
    monkeypatch.undo()
    pyplot.close('all')


def curves(axes):
    return {line.get_label(): line.get_xydata().tolist() for line in axes.lines}


def test_learning_curves_have_the_losses_of_both_heads(figures, tmp_path):
    losses = dict(semantic_loss=2.0, appearance_loss=1.5, orthogonality_loss=0.1)
    records = [train(10, 3.0, epoch=1, **losses), val(1, 20.0)]
    report.plot_run(records, tmp_path / 'curve.png')
    left, right = figures[0].axes
    expected = dict(appearance_loss=[[10, 1.5]], semantic_loss=[[10, 2.0]])
    assert curves(left) == expected
    assert curves(right) == {'top-1': [[1, 20]]}
    assert (right.get_xlabel(), left.get_yscale()) == ('epoch', 'log')


def test_the_report_of_a_network(figures, loader, tmp_path):
    model = build(readout='appearance')
    table = report.write_report(model, loader, BY_EPOCH, tmp_path)
    assert (tmp_path / 'readouts.md').read_text() == table + '\n'
    images, _, *lines = table.splitlines()
    assert images == '6 test images'
    rows = [[cell.strip() for cell in line.split('|')] for line in lines]
    assert [row[1] for row in rows[2:]] == ['fused', 'appearance head', 'sum of both']
    labels = torch.tensor(LABELS)
    with torch.no_grad():
        predicted = model(loader.dataset.images).argmax(1)
    accuracy = 100 * (predicted == labels).float().mean()
    assert rows[3][2] == f'{accuracy:.2f}'
    cost = total_cost(cost_by_part(model, (32, 32)))
    assert rows[2][3] == f'{cost.parameters / 1e6:.3f}'
    matrix = np.zeros((5, 5), int)
    np.add.at(matrix, (LABELS, predicted.numpy()), 1)
    shown = figures[1].axes[0].images[0].get_array().data
    assert shown.tolist() == matrix.tolist()
    assert [t.get_text() for t in figures[1].axes[0].get_xticklabels()] == list('abcde')
    for name in ('curve.png', 'confusion_matrix.png'):
        assert (tmp_path / name).read_bytes().startswith(b'\x89PNG')


def test_the_curves_of_a_run_without_validation_are_its_losses(figures, tmp_path):
    report.plot_run([train(10, 3.0, epoch=1), train(20, 2.0)], tmp_path / 'curve.png')
    (left,) = figures[0].axes
    assert curves(left) == dict(loss=[[10, 3.0], [20, 2.0]])


def test_validation_images_are_called_so(figures, loader, tmp_path):
    model, kind = build(mapper=None), report.VALIDATION
    text = report.write_report(model, loader, BY_EPOCH, tmp_path, kind)
    assert text.startswith('6 validation images, which also selected the best check')
    assert figures[1].axes[0].get_title() == 'Confusion matrix, 6 validation images'


@pytest.mark.parametrize(
    ('folder', 'prefix', 'expected'),
    [
        ('val', '', report.VALIDATION),
        ('.', 'val', report.VALIDATION),  # the same images by another path
        ('train', '', report.TEST),
        ('gone', '', report.TEST),
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
    assert report.kind_of_images(cfg, dataset) == expected
    cfg.val_dataloader = None
    assert report.kind_of_images(cfg, dataset) == report.TEST


def test_the_ensemble_has_a_semantic_head_and_no_fused_one(loader, tmp_path):
    pytest.importorskip('matplotlib')
    table = report.write_report(build(mapper=None), loader, BY_EPOCH, tmp_path)
    assert '| semantic head |' in table and 'fused' not in table
