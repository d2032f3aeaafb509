"""Pictures of test images with their predictions."""

from pathlib import Path
from typing import Optional, Sequence

from mmengine.fileio import join_path
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch import Tensor

from mmadf.analysis.explain import to_rgb
from mmadf.engine.data_checks import path_in_dataset

MIN_SIZE = 224  # pixels, below which the text would cover the image


class PicturesHook(Hook):
    """Write or show test images with their labels and predictions.

    Ours: unlike MMPretrain's `VisualizationHook`, it keeps the subfolders of images, so
    that equal names do not replace each other, draws BGR images in their colours,
    enlarges small images, and counts those of a smaller last batch correctly.

    Args:
        is_bgr: whether the test pipeline yields BGR images.
        interval: every n-th image is drawn.
        show: whether to show the pictures in a window.
        wait_time: seconds for which each of them is shown.
        out_dir: folder to write them to; None for the backends of the visualizer.
    """

    def __init__(
        self,
        is_bgr: bool,
        interval: int = 1,
        show: bool = False,
        wait_time: float = 0,
        out_dir: Optional[str] = None,
    ) -> None:
        self.is_bgr, self.interval, self.out_dir = is_bgr, interval, out_dir
        self.options = dict(show=show, wait_time=wait_time)
        self.seen = 0

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict,
        outputs: Sequence[DataSample],
    ) -> None:
        """Draw the images of a batch."""
        dataset = runner.test_dataloader.dataset
        pairs = zip(data_batch['inputs'], outputs, strict=True)
        for index, (image, sample) in enumerate(pairs, self.seen):
            if index % self.interval == 0:
                path = sample.get('img_path', str(index))
                self._draw(runner, image, sample, path_in_dataset(path, dataset))
        self.seen += len(outputs)

    def _draw(
        self, runner: Runner, image: Tensor, sample: DataSample, path: Path
    ) -> None:
        size = image.shape[1:]
        file = self.out_dir and join_path(self.out_dir, f'{path}_0.png')
        runner.visualizer.visualize_cls(
            to_rgb(image, size, self.is_bgr),
            sample,
            resize=max(MIN_SIZE, min(size)),
            out_file=file,
            name=path.name,
            **self.options,
        )
