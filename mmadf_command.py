"""The command `mmadf`: the scripts of `tools/` by name, from a checkout or a wheel.

It is not part of the package, so that help appears without the import of PyTorch.
"""

import sys
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import NoReturn

# Name of each command, its script in `tools/`, and what it does.
COMMANDS = {
    'train': ('train.py', 'train a classifier'),
    'test': ('test.py', 'test a checkpoint'),
    'report': ('analysis/report.py', 'test the best checkpoint of a run and report it'),
    'explain': ('analysis/explain.py', 'show the evidence for predictions'),
    'demo': ('demo.py', 'try a classifier in the browser'),
    'deploy': (
        'model_converters/deploy.py',
        'write a network without what only training needs',
    ),
    'export': ('export.py', 'write a classifier as ONNX'),
    'study': ('study.py', 'compare networks over several seeds'),
    'robustness': ('robustness.py', 'test under attacks and corruptions'),
    'compare-robustness': ('analysis/robustness.py', 'compare tested networks'),
    'complexity': ('analysis/complexity.py', 'count parameters and multiply-adds'),
    'curves': ('analysis/curves.py', 'plot learning curves of several runs'),
    'spatial-maps': ('analysis/spatial_maps.py', 'plot the kernels of Wise-SrNet'),
    'timm-networks': ('analysis/timm_networks.py', 'tell which of timm ADF can use'),
    'host-tests': (
        'analysis/host_tests.py',
        "run MMPretrain's own tests with parts of mmadf",
    ),
    'convert-efficientnet-lite': (
        'model_converters/efficientnet_lite.py',
        'prepare ImageNet weights of EfficientNet-Lite',
    ),
    'convert-cifar100': ('dataset_converters/cifar100.py', 'prepare CIFAR-100'),
    'convert-digits': ('dataset_converters/digits.py', 'prepare handwritten digits'),
    'convert-imagenet': ('dataset_converters/imagenet.py', 'prepare ImageNet'),
    'convert-intel': ('dataset_converters/intel.py', 'prepare Intel scenes'),
    'convert-mit67': ('dataset_converters/mit67.py', 'prepare MIT Indoor 67'),
    'convert-photographs': ('dataset_converters/photographs.py', 'copy six examples'),
    'convert-subimagenet70': (
        'dataset_converters/subimagenet70.py',
        'prepare Sub-ImageNet-70',
    ),
}

HELP = """\
usage: mmadf COMMAND [ARGUMENTS]

Train a network, show what it looks at, and remove what it no longer needs:
  mmadf train CONFIG --work-dir DIR
  mmadf explain CONFIG CHECKPOINT IMAGES OUT
  mmadf deploy CONFIG CHECKPOINT small.pth

CONFIG is a file, mmadf::adf/NAME.py, or a name of mmpretrain.list_models().
mmadf COMMAND --help lists the arguments of a command.

commands:
{commands}"""


def find_tools() -> Path:
    """Return the folder of the scripts, without importing the package."""
    return Path(find_spec('mmadf').origin).parent / '.mim' / 'tools'


def help_text() -> str:
    """Return three frequent uses, and all commands with a line for each."""
    width = max(map(len, COMMANDS))
    lines = [f'  {name:<{width}}  {told}' for name, (_, told) in COMMANDS.items()]
    return HELP.format(commands='\n'.join(lines))


def refuse(message: str) -> NoReturn:
    """Print one line to stderr and exit with 2."""
    print(f'mmadf: error: {message}', file=sys.stderr)
    sys.exit(2)


def check_installation() -> None:
    """Import the package; report in one line what is missing in the environment."""
    try:
        import mmadf  # noqa: F401
    except ImportError as error:
        if sys.flags.dev_mode:
            raise
        refuse(str(error).removeprefix('mmadf: '))


def run_script(script: Path) -> None:
    """Run a script as `__main__` with the current `sys.argv`.

    `runpy.run_path` would replace `sys.argv[0]`, the name in usage and in errors.
    """
    module = ModuleType('__main__')
    module.__file__ = str(script)
    sys.modules['__main__'] = module
    exec(compile(script.read_bytes(), script, 'exec'), vars(module))


def main() -> None:
    """Run the script of the command, or print the help."""
    name, *arguments = sys.argv[1:] or ['--help']
    if name in ('-h', '--help'):
        print(help_text())
        return
    if name not in COMMANDS:
        (near,) = get_close_matches(name, COMMANDS, 1) or ['']
        hint = f'did you mean {near!r}? ' if near else ''
        refuse(f'unknown command {name!r}; {hint}mmadf --help lists all commands')
    check_installation()
    script, _ = COMMANDS[name]
    sys.argv = [f'mmadf {name}', *arguments]
    run_script(find_tools() / script)
