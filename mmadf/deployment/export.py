"""From a checkpoint to an ONNX file that has been compared with it."""

import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Callable, Optional, Tuple, Union

import torch
from torch.export import ExportedProgram

from mmadf.weights.load import load_network, read_config

from .files import check_files
from .network import ExportError, Subject, prepare
from .rewrites import dynamic_batch
from .verify import largest_difference, onnx_runner, pt2_runner, spread

PACKAGES = ('onnx', 'onnxruntime', 'onnxscript')
TRACED_BATCH = 2  # 0 and 1 would be taken for constants
BATCHES = (1, TRACED_BATCH, 5)


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
) -> float:
    """Write an ONNX file of a classifier, if it computes the same as PyTorch.

    The batch is dynamic. Nothing is written at `out` before ONNX Runtime has agreed
    with PyTorch on batches of 1, 2 and 5 images; the graph is traced with 2.

    Args:
        config: config file, or a name of `mmpretrain.list_models`.
        checkpoint: its weights.
        out: file to write, '*.onnx', in a folder that exists.
        size: height and width of the images; None for those of the test pipeline.
        preprocess: take RGB pixels, (N, H, W, 3), uint8, and normalise them in the
            graph; otherwise the input is normalised, (N, C, H, W), float32.
        probabilities: give softmax of the logits instead of the logits.
        pt2: also write the program of `torch.export`, beside `out`, as '*.pt2'.
        tolerance: largest difference from PyTorch, as a part of the largest score.
        log: takes a line for each step.

    Returns:
        The largest relative difference that was found.

    Raises:
        ImportError: a package that writes or runs ONNX is missing.
        FileNotFoundError: config, checkpoint or folder that is not there.
        ValueError: what was asked for does not fit the network.
        ExportError: the network cannot be exported, or the file is not right.
    """
    out = Path(out)
    _check(checkpoint, out, tolerance)
    cfg = read_config(config)
    with TemporaryDirectory(dir=out.parent, prefix='.export-') as folder:
        draft = Path(folder) / out.name
        log(f'loading {checkpoint}')
        model, meta = load_network(cfg, checkpoint)
        subject = prepare(model, cfg, meta, size, preprocess, probabilities, log)
        program = _write_onnx(subject, draft, log)
        if pt2:
            _write_pt2(program, draft.with_suffix('.pt2'))
        worst = _compare(subject, draft, tolerance, log)
        for file in sorted(draft.parent.iterdir()):
            file.replace(out.parent / file.name)
            log(f'wrote {out.parent / file.name}')
    return worst


def _check(checkpoint: str, out: Path, tolerance: float) -> None:
    """Find out before the work what would spoil it."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise ImportError(
            f'export: {" and ".join(missing)} missing: pip install {" ".join(missing)}'
        )
    check_files(checkpoint, out, '.onnx')
    if not tolerance > 0:
        raise ValueError(f'export: tolerance={tolerance} must be > 0.')


def _write_onnx(
    subject: Subject, draft: Path, log: Callable[[str], None]
) -> ExportedProgram:
    """Write the ONNX file; return the program of `torch.export` it was made from."""
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    images = subject.pictures(TRACED_BATCH)
    dynamic = ({0: torch.export.Dim('batch', min=1)},)
    start = time.perf_counter()
    try:
        with torch.no_grad(), dynamic_batch(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            log(f'torch.export with images of {tuple(images.shape)}')
            program = torch.export.export(
                subject.network, (images,), dynamic_shapes=dynamic
            )
            log(f'ONNX, after {time.perf_counter() - start:.0f} s')
            onnx_program = torch.onnx.export(
                program,
                dynamo=True,
                dynamic_shapes=dynamic,
                input_names=['images'],
                output_names=[subject.facts['output']],
                verbose=False,
            )
    except Exception as error:  # both exporters raise many kinds
        raise ExportError(
            'export: the network cannot be exported: '
            f'{type(error).__name__}: {str(error).strip()[:1500]}'
        ) from error
    # The exporter notes paths and source lines of this machine beside every node.
    ClearMetadataAndDocStringPass()(onnx_program.model)
    onnx_program.model.metadata_props.update(subject.facts)
    onnx_program.save(draft)
    log(f'comparing with PyTorch, after {time.perf_counter() - start:.0f} s')
    return program


def _write_pt2(program: ExportedProgram, path: Path) -> None:
    """Write the program of `torch.export`, without paths of this machine."""
    for node in program.graph.nodes:
        node.meta.pop('stack_trace', None)
    torch.export.save(program, path)


def _compare(
    subject: Subject, draft: Path, tolerance: float, log: Callable[[str], None]
) -> float:
    """Run the files beside the network; return the largest difference."""
    network, batches = subject.network, [subject.pictures(n) for n in BATCHES]
    if spread(network, batches[-1]) < tolerance:
        log(
            'the scores hardly depend on the picture, so that the comparison says '
            'little: is the network trained?'
        )
    runners = {draft: onnx_runner, draft.with_suffix('.pt2'): pt2_runner}
    worst = 0.0
    for path in filter(Path.exists, runners):
        found = largest_difference(network, runners[path](path), batches)
        log(
            f'{path.name}: largest relative difference {found:.1e} from PyTorch, '
            f'batches of {", ".join(map(str, BATCHES))}'
        )
        if not found <= tolerance:
            raise ExportError(
                f'export: {path.name} differs from PyTorch by {found:.1e} of the '
                f'largest score, tolerance {tolerance:.1e}; nothing was written.'
            )
        worst = max(worst, found)
    return worst
