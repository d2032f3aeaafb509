"""Run MMPretrain's own tests with parts of this repository in place of MMPretrain's.

Run: python tools/analysis/host_tests.py CHECKOUT PART [FILE ...] [-- PYTEST OPTIONS]

PART is one of:
  nothing     the tests as they are, to compare with
  decoupled   each nn.Conv2d is a decoupled convolution
  staged      backbones run stage by stage, as the branches of ADF do
  adf         an ADF classifier for each ImageClassifier that a test builds
  wise_srnet  Wise-SrNet's pooling for GlobalAveragePooling

CHECKOUT is a checkout of MMPretrain, of which only the tests are used; MMPretrain is
the installed one. FILE is a test file or folder in it, by default all that can meet
PART.
"""

import argparse
import sys
from pathlib import Path

from mmadf.experiments.host_tests import PARTS, run_host_tests
from mmadf.utils.command_line import report_invalid_input


def main() -> None:
    """Run the tests; print the outcomes as a row of a table, and the failures."""
    own, options = sys.argv[1:], []
    if '--' in own:
        own, options = own[: own.index('--')], own[own.index('--') + 1 :]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('checkout', type=Path, help='root of a checkout of MMPretrain')
    parser.add_argument('part', choices=PARTS, help='what to put in place')
    parser.add_argument('files', nargs='*', help='tests to run, relative to CHECKOUT')
    args = parser.parse_args(own)
    with report_invalid_input():
        report, count = run_host_tests(**vars(args), options=options)
    for name, message in report.failures:
        print(f'{name}: {message}')
    counts = [report.outcomes[name] for name in ('passed', 'failed', 'skipped')]
    print('| part | times in place | passed | failed | skipped |')
    print(f'| {" | ".join(map(str, [args.part, count, *counts]))} |')


if __name__ == '__main__':
    main()
