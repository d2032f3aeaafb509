"""The scripts compare the class names of the data with those of the training."""

import logging

import pytest

pytestmark = pytest.mark.slow


def refusal(tool, capsys, *arguments):
    """Return the only line on stderr of a script that must end with 2."""
    logging.getLogger('mmengine').handlers.clear()
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        tool(*arguments)
    assert end.value.code == 2
    return [line for line in capsys.readouterr().err.splitlines() if 'error: ' in line]


def test_renamed_folder_is_refused_by_test_and_report(
    job, tool, capsys, image_folder, tmp_path
):
    work = tmp_path / 'work'
    tool('train.py', job, '--work-dir', work, '--cfg-options', 'train_cfg.max_epochs=1')
    (log,) = work.glob('*/*.log')
    contents = 'train set: 32 images in 2 classes (dark: 16, light: 16)'
    assert contents in log.read_text()
    (best,) = work.glob('best_accuracy_top1_epoch_*.pth')

    (image_folder / 'val/dark').rename(image_folder / 'val/zdark')
    difference = (
        f"class 0 of the test set is 'light', but 'dark' in the checkpoint {best}"
    )
    scripts = (
        ('test.py', job, best, '--work-dir', tmp_path),
        ('analysis/report.py', job, work),
    )
    for script in scripts:
        (line,) = refusal(tool, capsys, *script)
        assert difference in line
