"""The command line, called in this process or in one of its own."""

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

import simulator
from simulator.cli import main

PACKAGES = Path(simulator.__path__[0]).parent


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="simulate")


def refused(*arguments: object) -> str:
    result = call(*arguments)
    assert result.exit_code == 2, (result.output, result.exception)
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return str(lines[0])


def process(code: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program that calls the command line."""
    given = {**os.environ, "PYTHONPATH": f"{PACKAGES}:{Path(__file__).parent}", **environment}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env=given, timeout=300, check=False
    )


RUN = "from simulator.__main__ import main; main()"
