"""Validation images: stratified, reproducible, and kept once they are chosen."""

import re
from collections import Counter
from pathlib import Path

import pytest

from mmadf.experiments.studies.split import hold_out, keep_per_class, write_split

SAMPLES = [(f'{label}/{i}.png', label) for label in range(3) for i in range(20)]


def test_every_image_is_on_one_side_with_the_same_part_of_every_class():
    kept, held = hold_out(SAMPLES, 0.1, seed=0)
    assert sorted(kept + held) == sorted(SAMPLES)
    assert Counter(label for _, label in held) == {0: 2, 1: 2, 2: 2}
    assert Counter(label for _, label in kept) == {0: 18, 1: 18, 2: 18}


def test_choice_depends_on_the_seed_alone():
    assert hold_out(SAMPLES, 0.25, 1) == hold_out(SAMPLES, 0.25, 1)
    assert hold_out(SAMPLES, 0.25, 1) != hold_out(SAMPLES, 0.25, 2)


def test_small_classes_keep_an_image_on_either_side():
    for fraction in (0.01, 0.99):
        assert len(hold_out([('a', 0), ('b', 0)], fraction, 0)[1]) == 1


def test_fraction_outside_its_range_is_refused():
    for fraction in (0, 1):
        with pytest.raises(ValueError, match=f'val_fraction={fraction} must be'):
            hold_out(SAMPLES, fraction, 0)


def test_class_of_one_image_is_refused():
    with pytest.raises(ValueError, match='class 7 has a single image'):
        hold_out([*SAMPLES, ('x', 7)], 0.5, 0)


def test_same_number_of_each_class_is_kept_in_order():
    kept = keep_per_class(SAMPLES[:50], 3, seed=0)
    assert Counter(label for _, label in kept) == {0: 3, 1: 3, 2: 3}
    assert kept == sorted(kept, key=SAMPLES.index)
    assert kept != keep_per_class(SAMPLES[:50], 3, seed=1)


def test_fewer_images_per_class_are_a_part_of_more():
    few, many = (keep_per_class(SAMPLES, count, seed=0) for count in (2, 9))
    assert set(few) < set(many)


@pytest.mark.parametrize('count', [0, 11])
def test_number_that_a_class_does_not_have_is_refused(count):
    message = f'per_class={count} must be in 1 to 10, .* of class 2'
    with pytest.raises(ValueError, match=message if count else 'per_class=0 must be'):
        keep_per_class(SAMPLES[:50], count, seed=0)


def test_images_per_class_limit_the_training_images_alone(image_folder, tmp_path):
    folder = image_folder / 'train'
    of_all, of_few = (
        {
            name: Path(split[name]).read_text().splitlines()
            for split in [write_split(folder, tmp_path / str(count), 0.25, 0, count)]
            for name in ('train', 'val')
        }
        for count in (None, 5)
    )
    assert of_few['val'] == of_all['val']
    assert Counter(line[-1] for line in of_few['train']) == {'0': 5, '1': 5}
    assert set(of_few['train']) < set(of_all['train'])


def test_files_list_the_images_of_the_folder(image_folder, tmp_path):
    split = write_split(image_folder / 'train', tmp_path / 'split', 0.25, 0)
    assert split['classes'] == ['dark', 'light']
    lines = [Path(split[name]).read_text().splitlines() for name in ('train', 'val')]
    assert [len(part) for part in lines] == [24, 8]
    for line in sum(lines, []):
        path, label = line.rsplit(' ', 1)
        assert (image_folder / 'train' / path).is_file()
        assert path.startswith(('dark/', 'light/')[int(label)])
    assert len(set(sum(lines, []))) == 32


def test_another_choice_does_not_replace_the_files_of_earlier_runs(
    image_folder, tmp_path
):
    folder, out = image_folder / 'train', tmp_path / 'split'
    write_split(folder, out, 0.25, 0)
    before = (out / 'train.txt').read_text()
    assert write_split(folder, out, 0.25, 0)['train'] == str(out / 'train.txt')
    with pytest.raises(ValueError, match=r'train.txt lists other images than val_frac'):
        write_split(folder, out, 0.5, 0)
    assert (out / 'train.txt').read_text() == before


def test_files_that_are_not_listed_are_named(image_folder, tmp_path, capsys):
    folder = image_folder / 'train'
    (folder / 'dark/000.png').rename(folder / 'dark/000.webp')
    write_split(folder, tmp_path / 'split', 0.25, 0)
    assert re.search(r'1 files of .* \(endings: 1 x .webp;', capsys.readouterr().out)


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='no/such is not a folder'):
        write_split(tmp_path / 'no/such', tmp_path, 0.1, 0)


def test_name_with_a_line_break_is_refused(image_folder, tmp_path):
    (image_folder / 'train/dark').rename(image_folder / 'train/da\nrk')
    with pytest.raises(
        ValueError, match=r"the name 'da\\nrk/000.png' in .* line break"
    ):
        write_split(image_folder / 'train', tmp_path / 'split', 0.25, 0)
    assert not (tmp_path / 'split').exists()


def test_fraction_of_a_class_is_rounded():
    _, held = hold_out(SAMPLES, 0.13, seed=0)  # 2.6 of 20
    assert Counter(label for _, label in held) == {0: 3, 1: 3, 2: 3}
