"""Tests a network of a study and writes what its record contains."""

import json
import platform
from collections import defaultdict
from datetime import datetime, timezone
from io import BytesIO
from pathlib import Path
from typing import Dict, List

import mmcv
import mmengine
import mmpretrain
import numpy as np
import torch
from mmpretrain.structures import DataSample
from mmpretrain.utils import get_ori_model

from mmadf.analysis import cost_by_phase, total_cost
from mmadf.engine.readouts import ReadoutsTestLoop, chosen_readout
from mmadf.registry import LOOPS
from mmadf.utils.files import atomic_write

RESULT, PREDICTIONS = 'result.json', 'predictions.npz'


class Predictions:
    """The predictions of every readout, image by image, in the order of the images."""

    def __init__(self) -> None:
        self.labels: List[np.ndarray] = []
        self.columns: Dict[str, List[np.ndarray]] = defaultdict(list)

    def add(self, predictions: Dict[str, List[DataSample]]) -> None:
        """Add a batch. Samples that have several labels are not recorded.

        Args:
            predictions: predictions of the same images by each readout.
        """
        samples = next(iter(predictions.values()))
        if any(sample.gt_label.numel() != 1 for sample in samples):
            return
        labels = torch.cat([sample.gt_label for sample in samples]).cpu()
        self.labels.append(labels.numpy())
        for readout, batch in predictions.items():
            scores = torch.stack([s.pred_score for s in batch]).float().cpu()
            best = scores.max(1)
            of_label = scores.gather(1, labels[:, None])[:, 0]
            self.columns[f'{readout}/class'].append(best.indices.numpy())
            self.columns[f'{readout}/score'].append(best.values.numpy())
            self.columns[f'{readout}/label_score'].append(of_label.numpy())

    def to_bytes(self) -> bytes:
        """Return a compressed npz file.

        It contains `label`, and for each readout `<readout>/class`, the predicted
        class, `<readout>/score`, its score, and `<readout>/label_score`, the score of
        the label. Scores are float16, classes the smallest sufficient integers.
        """
        columns = dict(label=self.labels, **self.columns) if self.labels else {}
        arrays = {name: _compact(np.concatenate(v)) for name, v in columns.items()}
        file = BytesIO()
        np.savez_compressed(file, **arrays)
        return file.getvalue()


@LOOPS.register_module()
class RecordingTestLoop(ReadoutsTestLoop):
    """Test every readout of a network, and keep what the record of a run contains.

    The loop writes two files to the work directory of the runner: `result.json` with
    the metrics of all readouts, the cost of the network as trained and as deployed, the
    date and the versions of libraries; and before that `predictions.npz`, see
    `Predictions`. It takes the arguments of MMEngine's `TestLoop`.
    """

    def run(self) -> Dict[str, float]:
        """Test the network, write both files and return the metrics."""
        self.predictions = Predictions()
        metrics = super().run()
        model, image = get_ori_model(self.runner.model), self.dataloader.dataset[0]
        channels, *size = image['inputs'].shape
        phases = cost_by_phase(model, tuple(size), channels)
        result = dict(
            readout=chosen_readout(model),
            metrics=metrics,
            costs={
                f'{phase}_{quantity}': count
                for phase, parts in phases.items()
                for quantity, count in total_cost(parts)._asdict().items()
            },
            date=datetime.now(timezone.utc).date().isoformat(),
            environment=_environment(model),
        )
        folder = Path(self.runner.work_dir)
        atomic_write(folder / PREDICTIONS, self.predictions.to_bytes())
        atomic_write(folder / RESULT, json.dumps(result, indent=1).encode())
        return metrics

    def process(
        self, predictions: Dict[str, List[DataSample]], data_batch: dict
    ) -> None:
        """Evaluate one batch of predictions, by readout, and keep them."""
        self.predictions.add(predictions)
        super().process(predictions, data_batch)


def _compact(values: np.ndarray) -> np.ndarray:
    is_score = values.dtype.kind == 'f'
    return values.astype(np.float16 if is_score else np.min_scalar_type(values.max()))


def _environment(model: torch.nn.Module) -> Dict[str, str]:
    device = next(model.parameters()).device
    on_gpu = device.type == 'cuda'
    libraries = (torch, mmengine, mmcv, mmpretrain)
    return dict(
        device=torch.cuda.get_device_name(device) if on_gpu else device.type,
        python=platform.python_version(),
        **{library.__name__: str(library.__version__) for library in libraries},
    )
