"""From a checkpoint to an ONNX file that computes the same scores."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Callable, Optional, Tuple, Union

import torch
from torch import Tensor

from mmadf.utils.optional import import_optional
from mmadf.weights.load import load_network, read_config

from .checks import DeploymentError, check_out, relative_difference
from .network import ExportNetwork, prepare
from .tracing import write_onnx, write_pt2

PACKAGES = ('onnx', 'onnxruntime', 'onnxscript')


def export_classifier(
    config: str,
    checkpoint: str,
    out: Union[str, Path],
    size: Optional[Tuple[int, int]] = None,
    preprocess: bool = False,
    probabilities: bool = False,
    pt2: bool = False,
    tolerance: float = 1e-4,
    log: Callable[[str], None] = print,
    on_start: Callable[[], None] = lambda: None,
) -> float:
    """Export a classifier to ONNX, with a dynamic batch and a fixed image size.

    Nothing is written to `out` unless ONNX Runtime and PyTorch agree on batches of 1, 2
    and 5 images; the graph is traced with 2.

    Args:
        config: config file, or a name of `mmpretrain.list_models`.
        checkpoint: its weights.
        out: file to write, *.onnx, in an existing folder.
        size: height and width of the images; None for those of the test pipeline.
        preprocess: whether the graph takes RGB pixels, (N, H, W, 3), uint8, instead of
            normalised images, (N, C, H, W), float32.
        probabilities: whether the graph ends with softmax instead of logits.
        pt2: whether to also write the program of `torch.export`, as *.pt2 beside `out`.
        tolerance: largest accepted difference from PyTorch, relative to the largest
            score, > 0.
        log: is called with a line of text for each step.
        on_start: is called once the input is valid, before the network is traced.

    Returns:
        The largest relative difference found.

    Raises:
        ImportError: a package that writes or runs ONNX is missing.
        FileNotFoundError: the config, the checkpoint or the folder does not exist.
        OSError: the folder cannot be written.
        ValueError: an argument is invalid, or does not fit the network.
        DeploymentError: the network cannot be exported, or the file gives other scores.
    """
    out = Path(out)
    _check_arguments(out, tolerance)
    cfg = read_config(config)
    log(f'loading {checkpoint}')
    model, meta = load_network(cfg, checkpoint)
    exported = prepare(model, cfg, meta, size, preprocess, probabilities, log)
    with TemporaryDirectory(dir=out.parent, prefix='.export-') as folder:
        on_start()
        draft = Path(folder) / out.name
        program = write_onnx(exported, draft, log)
        if pt2:
            write_pt2(program, draft.with_suffix('.pt2'))
        difference = _compare(exported, Path(folder), tolerance, log)
        for file in sorted(Path(folder).iterdir()):
            file.replace(out.parent / file.name)
            log(f'wrote {out.parent / file.name}')
    return difference


def _check_arguments(out: Path, tolerance: float) -> None:
    """Find invalid arguments and missing packages before any work."""
    for name in PACKAGES:
        import_optional(name)
    check_out(out, '.onnx')
    if not tolerance > 0:
        raise ValueError(f'export: tolerance={tolerance} must be > 0.')


@torch.no_grad()
def _compare(
    exported: ExportNetwork,
    folder: Path,
    tolerance: float,
    log: Callable[[str], None],
) -> float:
    """Run the written files on batches of several sizes; return the difference.

    The reference is the network itself. `torch.onnx.testing` compares with the program
    of `torch.export` instead, and so would miss an error of the tracing.
    """
    expected = [exported.network(images) for images in exported.batches]
    scores = expected[-1]
    if relative_difference(scores.mean(0).expand_as(scores), scores) < tolerance:
        log(
            'warning: the scores hardly depend on the image, so the comparison shows '
            'little; is the network trained?'
        )
    worst = 0.0
    runners = {'.onnx': run_onnx, '.pt2': run_pt2}
    # Above 1.5 GiB, the weights are in a file of their own, *.onnx.data.
    for file in sorted(f for f in folder.iterdir() if f.suffix in runners):
        run = runners[file.suffix](file)
        found = max(
            relative_difference(run(images), scores)
            for images, scores in zip(exported.batches, expected, strict=True)
        )
        log(f'{file.name}: largest relative difference from PyTorch {found:.1e}')
        if not found <= tolerance:
            raise DeploymentError(
                f'export: {file.name} differs from PyTorch by {found:.1e} of the '
                f'largest score, tolerance={tolerance:.1e}; nothing was written.'
            )
        worst = max(worst, found)
    return worst


def run_onnx(path: Path) -> Callable[[Tensor], Tensor]:
    """Return a function that runs an ONNX file with ONNX Runtime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=['CPUExecutionProvider']
    )
    (image,) = session.get_inputs()
    return lambda x: torch.from_numpy(session.run(None, {image.name: x.numpy()})[0])


def run_pt2(path: Path) -> Callable[[Tensor], Tensor]:
    """Return the module in a file written by `torch.export.save`."""
    return torch.export.load(path).module()
