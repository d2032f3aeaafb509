"""Runs a script of the checkout inside the test process."""

import runpy
import signal
import sys

from tests.conftest import ROOT


def call_script(monkeypatch, capsys, path, *arguments):
    """Run `path` as a program; return its exit code, output and error output."""
    monkeypatch.setattr(sys, 'argv', [str(path), *map(str, arguments)])
    handler = signal.getsignal(signal.SIGTERM)
    code = 0
    try:
        runpy.run_path(str(ROOT / path), run_name='__main__')
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        signal.signal(signal.SIGTERM, handler)
    return code, *capsys.readouterr()
