"""Parts of mmadf in place of those of MMPretrain, for MMPretrain's own tests."""

from collections import Counter
from contextlib import ExitStack, chdir, contextmanager, nullcontext
from pathlib import Path
from typing import (
    Any,
    Callable,
    ContextManager,
    Dict,
    Iterator,
    List,
    Optional,
    Tuple,
    Union,
)
from unittest import mock

import torch
from mmpretrain.models import GlobalAveragePooling, backbones
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmadf.models import ADFClassifier, DecoupledConv2d, WiseSrNetPooling
from mmadf.models.classifiers.branch import Features, cut_branch
from mmadf.models.stages.stages import FAMILIES, full_name

BACKBONES = 'tests/test_models/test_backbones'
# Backbones of families with known stages, and those that share their forward pass.
STAGED = tuple(
    f'{BACKBONES}/test_{name}.py'
    for name in (
        *('convnext', 'densenet', 'efficientnet', 'inception_v3', 'mobilenet_v2'),
        *('mobilenet_v3', 'mobileone', 'regnet', 'repvgg', 'res2net', 'resnest'),
        *('resnet', 'resnet_cifar', 'resnext', 'seresnet', 'seresnext'),
        *('swin_transformer', 'vgg', 'vision_transformer'),
    )
)
CLASSIFIERS = (
    'tests/test_models/test_classifiers.py',
    'tests/test_models/test_tta.py',
    'tests/test_models/test_retrievers.py',
    'tests/test_engine/test_hooks',
    'tests/test_engine/test_optimizers',
)


BIAS = 8  # position of `bias` among the arguments of `nn.Conv2d`


class _Decoupled(DecoupledConv2d, nn.Conv2d):
    """A decoupled convolution with the arguments and the default bias of `nn.Conv2d`.

    MMEngine initialises a layer by its class or the direct bases of its class.
    """

    def __init__(
        self,
        *args: Any,
        device: Optional[torch.device] = None,
        dtype: Optional[torch.dtype] = None,
        **kwargs: Any,
    ) -> None:
        if len(args) < BIAS:
            kwargs.setdefault('bias', True)
        super().__init__(*args, **kwargs)
        self.to(device, dtype)


class _Fused(ADFClassifier):
    """An ADF classifier with the signature of `ImageClassifier`."""

    def __init__(
        self,
        backbone: dict,
        neck: Optional[dict] = None,
        head: Optional[dict] = None,
        **kwargs: Any,
    ) -> None:
        mapper = dict(type='mmadf.Mapper', sources=(0, 1))
        super().__init__(backbone, mapper, head, neck, **kwargs)


@contextmanager
def decoupled(count: Callable[[], None]) -> Iterator[None]:
    """Make each `nn.Conv2d(...)` a decoupled convolution, in whatever module."""

    def _new(cls: type, *args: Any, **kwargs: Any) -> nn.Module:
        if cls is not nn.Conv2d:
            return object.__new__(cls)
        count()
        return object.__new__(_Decoupled)

    nn.Conv2d.__new__ = _new
    try:
        yield
    finally:
        # Without a `__new__` of its own, a class has no way back to that of `object`.
        nn.Conv2d.__new__ = lambda cls, *args, **kwargs: object.__new__(cls)


@contextmanager
def staged(count: Callable[[], None]) -> Iterator[None]:
    """Run each backbone of a known family stage by stage, as an ADF branch does.

    Backbones with options that ADF refuses run as they are.
    """

    def _staged(forward: Callable) -> Callable:
        def _forward(backbone: nn.Module, x: Tensor) -> Tuple[Tensor, ...]:
            try:
                branch = cut_branch(backbone)
            except ValueError:
                return forward(backbone, x)
            count()
            return branch.outputs(branch.maps(x))

        return _forward

    known = [cls for cls in vars(backbones).values() if isinstance(cls, type)]
    with ExitStack() as stack:
        for cls in known:
            if full_name(cls) in FAMILIES:
                patch = mock.patch.object(cls, 'forward', _staged(cls.forward))
                stack.enter_context(patch)
        yield


@contextmanager
def adf(count: Callable[[], None]) -> Iterator[None]:
    """Build an ADF classifier where a config names an `ImageClassifier`."""

    def _build(*args: Any, **kwargs: Any) -> ADFClassifier:
        count()
        return _Fused(*args, **kwargs)

    with mock.patch.dict(MODELS.module_dict, ImageClassifier=_build):
        yield


@contextmanager
def wise_srnet(count: Callable[[], None]) -> Iterator[None]:
    """Pool feature maps by Wise-SrNet where `GlobalAveragePooling` is used.

    The layers are built in the first forward pass, for the feature maps seen there.
    """
    mean = GlobalAveragePooling.forward

    def _pool(neck: nn.Module, i: int, x: Tensor) -> Tensor:
        if x.dim() != 4:
            return mean(neck, x)
        if not hasattr(neck, f'pool{i}'):
            count()
            size = tuple(x.shape[2:])
            pool = 2 if min(size) > 1 else None
            neck.add_module(f'pool{i}', WiseSrNetPooling(x.shape[1], size, pool).to(x))
        return neck.get_submodule(f'pool{i}')((x,))[0]

    def _forward(neck: nn.Module, inputs: Union[Tensor, Features]) -> object:
        if isinstance(inputs, tuple):
            return tuple(_pool(neck, i, x) for i, x in enumerate(inputs))
        return _pool(neck, 0, inputs)

    with mock.patch.object(GlobalAveragePooling, 'forward', _forward):
        yield


# For each part: what puts it in place, and the tests that can meet it.
PARTS: Dict[str, Tuple[Callable[..., ContextManager[None]], Tuple[str, ...]]] = dict(
    nothing=(lambda _: nullcontext(), (BACKBONES, *CLASSIFIERS)),
    decoupled=(decoupled, (BACKBONES, *CLASSIFIERS)),
    staged=(staged, STAGED),
    adf=(adf, CLASSIFIERS),
    wise_srnet=(wise_srnet, CLASSIFIERS),
)


class Report:
    """A plugin of pytest that keeps the outcomes of tests.

    Attributes:
        outcomes: how many tests 'passed', 'failed' and were 'skipped'.
        failures: for each failed test, its name and the last line of its error.
    """

    def __init__(self) -> None:
        self.outcomes = Counter()
        self.failures: List[Tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count a test once: when it is called, or where it fails or is skipped."""
        if report.when == 'call' or not report.passed:
            self.outcomes[report.outcome] += 1
        if report.failed:
            crash = getattr(report.longrepr, 'reprcrash', None)
            message = crash.message if crash else str(report.longrepr)
            self.failures.append((report.nodeid, ' '.join(message.split())[:200]))

    def pytest_collectreport(self, report: Any) -> None:
        """Count a file that cannot be collected as a failure."""
        if report.failed:
            self.outcomes['failed'] += 1
            self.failures.append((report.nodeid, str(report.longrepr)[-200:]))


def run_host_tests(
    checkout: Path, part: str, files: List[str], options: List[str]
) -> Tuple[Report, int]:
    """Run tests of MMPretrain with a part of mmadf in place.

    Args:
        checkout: a checkout of MMPretrain. Only its tests are used; MMPretrain is the
            installed one.
        part: a name in `PARTS`.
        files: test files or folders in the checkout; empty for those of the part.
        options: options of pytest.

    Returns:
        The outcomes, and how often the part took the place of the host's.

    Raises:
        FileNotFoundError: the checkout has no such tests.
    """
    import pytest

    put_in_place, own = PARTS[part]
    files = files or own
    for file in files:
        if not (checkout / file).exists():
            raise FileNotFoundError(
                f'checkout={checkout}: there is no {file}; give the root of a checkout '
                'of MMPretrain with its tests.'
            )
    report, count = Report(), Counter()
    with chdir(checkout), put_in_place(lambda: count.update([part])):
        pytest.main([*files, '-p', 'no:cacheprovider', *options], plugins=[report])
    return report, count[part]
