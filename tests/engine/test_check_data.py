"""What the hook checks, when, and what it logs."""

import logging
from types import SimpleNamespace

import pytest
from mmengine.registry import DefaultScope
from mmengine.runner import BaseLoop
from mmpretrain.datasets import CustomDataset
from mmpretrain.evaluation import Accuracy
from mmpretrain.models import CrossEntropyLoss, LabelSmoothLoss, LinearClsHead
from torch import nn
from torch.utils.data import DataLoader

from mmadf.engine.hooks import CheckDataHook
from mmadf.engine.hooks.check_data import name_errors


class Loop(BaseLoop):
    def run(self):
        """Not called."""


def dataset(root, **fields):
    load = dict(type='LoadImageFromFile')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return CustomDataset(data_root=str(root), pipeline=[load], **fields)


@pytest.fixture
def runner(image_folder):
    """Return a function that returns a runner of these data sets by split."""

    def _runner(resume=False, **datasets):
        loops = {'_train_loop': None, '_val_loop': dict(), '_test_loop': None}
        for split, data in datasets.items():
            loops[f'_{split}_loop'] = Loop(None, DataLoader(data))
        names = dict(_resume=resume, _load_from='best.pth', model=nn.Module())
        return SimpleNamespace(logger=logging.getLogger('runner'), **loops, **names)

    return _runner


def checkpoint(*classes):
    return dict(meta=dict(dataset_meta=dict(classes=classes)))


@pytest.fixture
def renamed(image_folder):
    """Return a validation set of which one folder was renamed."""
    (image_folder / 'val/dark').rename(image_folder / 'val/zdark')
    return dataset(image_folder / 'val')


MESSAGE = "class 0 of the {} set is 'light', but 'dark' in the {}"


def test_training_and_validation_set_of_other_names_are_refused(
    image_folder, renamed, runner
):
    run = runner(train=dataset(image_folder / 'train'), val=renamed)
    with pytest.raises(ValueError, match=MESSAGE.format('val', 'train set')):
        CheckDataHook().before_train(run)


def test_folders_are_compared_if_the_config_names_the_classes(
    image_folder, renamed, runner
):
    sets = dict(train=image_folder / 'train', val=image_folder / 'val')
    sets = {s: dataset(root, classes=('on', 'off')) for s, root in sets.items()}
    with pytest.raises(ValueError, match=MESSAGE.format('val', 'train set')):
        CheckDataHook().before_train(runner(**sets))


def test_names_are_compared_if_the_folders_are_equal(image_folder, runner):
    train = dataset(image_folder / 'train', classes=('on', 'off'))
    val = dataset(image_folder / 'val', classes=('off', 'on'))
    with pytest.raises(ValueError, match="class 0 of the val set is 'off', but 'on'"):
        CheckDataHook().before_train(runner(train=train, val=val))


@pytest.mark.parametrize('split', ['val', 'test'])
def test_checkpoint_of_other_names_is_refused(split, renamed, runner):
    run = runner(**{split: renamed})
    with pytest.raises(ValueError, match=MESSAGE.format(split, 'checkpoint best.pth')):
        CheckDataHook().after_load_checkpoint(run, checkpoint('dark', 'light'))
    CheckDataHook().after_load_checkpoint(run, checkpoint('light', 'zdark'))


def test_resumed_checkpoint_is_compared_and_one_to_start_from_is_not(
    image_folder, runner
):
    sets = dict(train=dataset(image_folder / 'train'))
    other = checkpoint('tench', 'goldfish', 'shark')
    CheckDataHook().after_load_checkpoint(runner(**sets), other)
    with pytest.raises(ValueError, match="class 0 of the train set is 'dark', but 'te"):
        CheckDataHook().after_load_checkpoint(runner(resume=True, **sets), other)


def test_checkpoint_without_names_is_reported(image_folder, runner, caplog):
    run = runner(test=dataset(image_folder / 'val'))
    for content in ({}, dict(meta=None), dict(meta=dict(dataset_meta=None))):
        CheckDataHook().after_load_checkpoint(run, content)
    assert caplog.text.count('checkpoint does not name its classes') == 3


def test_heads_of_a_wrapped_network_are_compared_with_the_test_set(
    image_folder, runner
):
    run = runner(test=dataset(image_folder / 'val'))
    run.model.module = nn.Module()
    run.model.module.head = nn.Module()
    run.model.module.head.num_classes = 3
    with pytest.raises(ValueError, match='num_classes=3, but the test set has 2'):
        CheckDataHook().before_test(run)


def test_class_weights_of_another_number_than_the_classes_are_refused(
    image_folder, runner
):
    run = runner(train=dataset(image_folder / 'train'))
    for weights in (None, [1.0, 3.0]):
        loss = CrossEntropyLoss(class_weight=weights)
        run.model.head = LinearClsHead(num_classes=2, in_channels=4, loss=loss)
        CheckDataHook().before_train(run)
    for loss in (CrossEntropyLoss(), LabelSmoothLoss(0.1, num_classes=2)):
        getattr(loss, 'ce', loss).class_weight = [1.0, 2.0, 3.0]
        run.model.head.loss_module = loss
        weights = r'model.head.loss.class_weight=\[1.0, 2.0, 3.0\]'
        message = f'{weights} must .* num_classes=2'
        with pytest.raises(ValueError, match=message):
            CheckDataHook().before_train(run)


def test_training_set_without_a_batch_is_refused(image_folder, runner):
    run = runner(train=dataset(image_folder / 'train'))
    data = run._train_loop.dataloader.dataset
    run._train_loop.dataloader = DataLoader(data, batch_size=33, drop_last=True)
    with pytest.raises(ValueError, match='32 images do not fill a batch of batch_size'):
        CheckDataHook().before_train(run)


@pytest.mark.parametrize('split, moment', [('val', 'train'), ('test', 'test')])
def test_accuracy_of_more_ranks_than_classes_is_refused_before_the_work(
    split, moment, image_folder, runner
):
    sets = dict.fromkeys((split, moment), dataset(image_folder / 'val'))
    run = runner(**sets)
    metric = Accuracy(topk=(1, 2))
    getattr(run, f'_{split}_loop').evaluator = SimpleNamespace(metrics=[metric])
    check = getattr(CheckDataHook(), f'before_{moment}')
    check(run)
    metric.topk = (1, 3)
    with pytest.raises(ValueError, match=f'{split}_evaluator: .* at least 3 classes'):
        check(run)


def test_images_per_class_empty_classes_and_unread_files_are_logged(
    image_folder, runner, caplog
):
    (image_folder / 'train/empty').mkdir()
    for name in ('dark/a.webp', 'dark/b.webp', 'dark/c'):
        (image_folder / 'train' / name).write_bytes(b'')
    caplog.set_level(logging.INFO)
    CheckDataHook().before_train(runner(train=dataset(image_folder / 'train')))
    contents, empty, unread = (record.getMessage() for record in caplog.records)
    assert contents == (
        'train set: 32 images in 3 classes (dark: 16, empty: 0, light: 16)'
    )
    assert empty == 'train set: 1 of 3 classes have no images: empty'
    assert '3 files of' in unread
    assert 'endings: 2 x .webp, 1 x none; first file: dark/a.webp' in unread


def test_folders_named_after_no_class_are_a_warning(image_folder, runner, caplog):
    data = CustomDataset(data_root=str(image_folder / 'train'), classes=('a', 'b'))
    CheckDataHook().before_test(runner(test=data))
    (warning,) = caplog.messages
    assert warning == (
        f'test set: no folder of {image_folder}/train/ is named after a class: dark is '
        'a, light is b'
    )


def test_many_classes_are_summarised(tmp_path, runner, caplog):
    for index in range(21):
        (tmp_path / f'many/{index:02d}').mkdir(parents=True)
        (tmp_path / f'many/{index:02d}/a.png').write_bytes(b'')
    (tmp_path / 'many/07/b.png').write_bytes(b'')
    caplog.set_level(logging.INFO)
    CheckDataHook().before_test(runner(test=dataset(tmp_path / 'many')))
    assert caplog.messages == ['test set: 22 images in 21 classes (1 to 2 per class)']


def test_decoding_error_names_the_file(image_folder, runner):
    path = image_folder / 'train/dark/000.png'
    path.write_bytes(b'')
    data = dataset(image_folder / 'train')
    for _ in range(2):  # as if trained twice
        CheckDataHook(max_images=0).before_train(runner(train=data))
    with pytest.raises(Exception, match='empty') as error:
        data[0]
    assert error.value.__notes__ == [f'while reading {path}']
    assert data[1]['img'].shape == (16, 16, 3)


def test_error_of_a_worker_process_names_the_file(image_folder):
    path = image_folder / 'train/dark/000.png'
    path.write_bytes(b'')
    data = dataset(image_folder / 'train')
    name_errors(data)
    with pytest.raises(Exception, match=f'while reading {path}'):
        next(iter(DataLoader(data, num_workers=1)))
