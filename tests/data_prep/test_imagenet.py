import pytest
from mmengine.registry import DefaultScope
from mmpretrain.datasets import ImageNet

from mmadf.data_prep import IMAGENET, prepare
from tests.conftest import ROOT
from tests.data_prep.archives import imagenet_files, images, write_archive


@pytest.fixture
def convert(tmp_path):
    """Convert these files of an archive, return the folder and the report."""

    def _convert(files, **choices):
        archive = write_archive(tmp_path / 'a.zip', files)
        choices = dict(any_counts=True, val_fraction=0, **choices)
        return tmp_path / 'out', prepare(IMAGENET, archive, tmp_path / 'out', **choices)

    return _convert


def test_labels_of_the_validation_set_are_those_of_the_table(convert):
    content = images()
    root, report = convert(imagenet_files(content))
    wnids = dict(forest='n00000001', sea='n00000002')
    for (split, label, file), data in content.items():
        name = file.replace('.jpg', '.JPEG')
        if split == 'test':
            path = root / 'val' / wnids[label] / f'{label}_{name}'
        else:
            path = root / 'train' / wnids[label] / name
        assert path.read_bytes() == data
    assert report['counts'] == {
        'train': dict.fromkeys(wnids.values(), 10),
        'val': dict.fromkeys(wnids.values(), 4),
    }
    assert len(list(root.glob('*/*/*'))) == 28


def test_mmpretrain_reads_it_as_imagenet(convert):
    root, _ = convert(imagenet_files(images()))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        classes = dict(classes=('tench', 'goldfish'))  # instead of its 1,000
        val = ImageNet(data_root=str(root), split='val', metainfo=classes)
    assert sorted(val.get_gt_labels().tolist()) == [0] * 4 + [1] * 4


def test_validation_images_found_in_the_training_set_are_reported(convert):
    content = images()
    content['test', 'sea', 'te0.jpg'] = content['train', 'sea', 'tr0.jpg']
    _, report = convert(imagenet_files(content))
    leak = ['train/n00000002/tr0.JPEG', 'val/n00000002/sea_te0.JPEG']
    assert report['leaks'] == [leak]


def test_images_without_label_are_named(convert):
    files = imagenet_files(images())
    table = files['LOC_val_solution.csv'].decode().splitlines(keepends=True)
    files['LOC_val_solution.csv'] = ''.join(table[:-1]).encode()
    with pytest.raises(ValueError, match='has no label for .*val/sea_te3.JPEG'):
        convert(files)


def test_a_second_validation_set_is_refused(tmp_path):
    archive = write_archive(tmp_path / 'a.zip', imagenet_files(images()))
    with pytest.raises(ValueError, match='has a validation set of its own; pass 0'):
        prepare(IMAGENET, archive, tmp_path / 'out', any_counts=True)


@pytest.mark.slow
def test_the_script_names_what_it_expected(python, tmp_path):
    files = imagenet_files(images())
    archive = write_archive(tmp_path / 'a.zip', files)
    script = ROOT / 'tools/dataset_converters/imagenet.py'
    refused = python(script, archive, tmp_path / 'out', check=False)
    assert refused.returncode == 2
    assert 'expected 1,281,167 in 1000' in refused.stderr
    done = python(script, archive, tmp_path / 'out', '--any-counts')
    assert done.stdout.startswith('train: 20 images in 2 classes\nval: 8 images')
    del files['LOC_val_solution.csv']
    archive = write_archive(tmp_path / 'b.zip', files)
    wrong = python(script, archive, tmp_path / 'b', '--any-counts', check=False)
    assert 'expected ILSVRC/Data/CLS-LOC/{train/<wnid>,val}' in wrong.stderr
