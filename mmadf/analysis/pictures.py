"""Pictures of test images with their predictions."""

from typing import Any, Sequence

from mmengine.fileio import join_path
from mmengine.runner import Runner
from mmpretrain.engine.hooks import VisualizationHook
from mmpretrain.structures import DataSample

from mmadf.engine.data_checks import path_in_dataset

MIN_SIZE = 224  # pixels, below which the text would cover the image


class PicturesHook(VisualizationHook):
    """Write or show test images with their labels and predictions.

    Ours: unlike MMPretrain's `VisualizationHook`, it keeps the subfolders of images, so
    that equal names do not replace each other, draws BGR images in their colours,
    enlarges small images, and counts those of a smaller last batch correctly.

    Args:
        is_bgr: whether the test pipeline yields BGR images.
        **kwargs: `interval`, `show`, `out_dir` and `wait_time` of `VisualizationHook`.
    """

    def __init__(self, is_bgr: bool, **kwargs: Any) -> None:
        super().__init__(enable=True, **kwargs)
        self.is_bgr, self.folder, self.seen = is_bgr, self.out_dir, 0

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict,
        outputs: Sequence[DataSample],
    ) -> None:
        """Draw the images of a batch."""
        for image, sample in zip(data_batch['inputs'], outputs, strict=True):
            if self.folder is not None:
                dataset = runner.test_dataloader.dataset
                path = path_in_dataset(sample.get('img_path', ''), dataset)
                self.out_dir = join_path(self.folder, str(path.parent))
            self.draw_args['resize'] = max(MIN_SIZE, min(image.shape[1:]))
            pixels = image.flip(0) if self.is_bgr else image.expand(3, -1, -1)
            self._draw_samples(self.seen, dict(inputs=[pixels]), [sample])
            self.seen += 1
