"""A network traced by `torch.export` with a dynamic batch, and written as ONNX."""

import warnings
from pathlib import Path
from typing import Callable, ContextManager
from unittest import mock

import torch
from mmpretrain.models.utils import ShiftWindowMSA
from torch import Tensor
from torch.export import ExportedProgram

from .checks import DeploymentError
from .network import ExportNetwork

DYNAMIC_BATCH = ({0: torch.export.Dim('batch', min=1)},)


def write_onnx(
    exported: ExportNetwork, out: Path, log: Callable[[str], None]
) -> ExportedProgram:
    """Write an ONNX file; return the program of `torch.export` it was converted from.

    Args:
        exported: network, of which the first batch is the example input, and metadata.
        out: file to write, *.onnx.
        log: is called with a line of text for each step.

    Raises:
        DeploymentError: one of the two exporters fails.
    """
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    images, metadata = exported.batches[0], exported.metadata
    try:
        with torch.no_grad(), dynamic_windows(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            log(f'tracing with images of shape {tuple(images.shape)} (torch.export)')
            program = torch.export.export(
                exported.network,
                (images,),
                dynamic_shapes=DYNAMIC_BATCH,
                strict=False,  # the default since PyTorch 2.7
            )
            log('converting to ONNX')
            onnx_program = torch.onnx.export(
                program,
                dynamo=True,
                dynamic_shapes=DYNAMIC_BATCH,
                input_names=['images'],
                output_names=[metadata['output']],
                verbose=False,
            )
    except Exception as error:  # both exporters raise many types
        raise DeploymentError(
            'export: the network cannot be exported: '
            f'{type(error).__name__}: {str(error).strip()[:1500]}'
        ) from error
    # The exporter stores local paths and source lines with every node.
    ClearMetadataAndDocStringPass()(onnx_program.model)
    onnx_program.model.metadata_props.update(metadata)
    onnx_program.save(out)
    return program


def write_pt2(program: ExportedProgram, out: Path) -> None:
    """Write a program of `torch.export`, without local paths."""
    for node in program.graph.nodes:
        node.meta.pop('stack_trace', None)
    torch.export.save(program, out)


def dynamic_windows() -> ContextManager:
    """Replace MMPretrain's `window_reverse` of Swin Transformers while tracing.

    The original computes the batch size as a float from the number of windows, which
    makes it a constant of the trace.
    """
    replacement = staticmethod(window_reverse)
    return mock.patch.object(ShiftWindowMSA, 'window_reverse', replacement)


def window_reverse(windows: Tensor, height: int, width: int, size: int) -> Tensor:
    """Merge windows into feature maps, as `ShiftWindowMSA.window_reverse` does.

    Args:
        windows: (N * height / size * width / size, size, size, C).
        height: of the feature map, a multiple of `size`.
        width: of the feature map, a multiple of `size`.
        size: height and width of a window.

    Returns:
        (N, height, width, C).
    """
    channels = windows.shape[-1]
    x = windows.view(-1, height // size, width // size, size, size, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, channels)
