"""Start-up and whole commands, alone and beside another job; wall-clock time on all cores."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.bench.entry import Case, entry
from benchmarks.beside_another_job import other_program

MAIN_JOB = ("--scheme", "semharq,perfect", "--snr=-6:8:2", "--quiet", "--device", "cpu")


@entry("start-up")
def start_up() -> Case:
    """A command without torch, and Python with the library of the command line."""
    return Case(
        work=_simulate("list"),
        reference=lambda: subprocess.run([sys.executable, "-c", "import click"], check=True),
        measures="simulate list",
        against='python -c "import click"',
        amount=1,
        unit="command",
        whole=True,
    )


@entry("imports")
def imports() -> Case:
    """All imports of a run, and those of the libraries that it cannot do without."""
    libraries = "import torch, numba, pandas, pyarrow.parquet"
    return Case(
        work=_python("import simulator.commands.run"),
        reference=_python(libraries),
        measures="imports of a run",
        against=libraries,
        amount=1,
        unit="command",
        whole=True,
        rounds=3,
    )


@entry("main job, warm")
def main_job_warm() -> Case:
    """The main job with the encoder's outputs in the cache, and the imports alone."""
    return Case(
        work=_simulate(*MAIN_JOB, "--no-resume"),
        reference=_python("import torch"),
        measures="`simulate --scheme semharq,perfect --snr -6:8:2`, outputs of the encoder cached",
        against="python -c 'import torch'",
        amount=1,
        unit="command",
        whole=True,
        rounds=2,
    )


@entry("main job, cold")
def main_job_cold() -> Case:
    """The main job with an empty cache, and with a full one."""
    return Case(
        work=_simulate(*MAIN_JOB, "--no-resume", cold=True),
        reference=_simulate(*MAIN_JOB, "--no-resume"),
        measures="the main job with an empty cache",
        against="the main job with the encoder's outputs in the cache",
        amount=1,
        unit="command",
        whole=True,
        rounds=1,
    )


@entry("main job, beside another job")
def main_job_beside() -> Case:
    """The main job beside a matrix product on two threads, and alone."""
    alone = _simulate(*MAIN_JOB, "--no-resume")

    def work() -> None:
        with other_program(2):
            alone()

    return Case(
        work=work,
        reference=alone,
        measures="the main job beside a matrix product of two threads",
        against="the main job alone",
        amount=1,
        unit="command",
        whole=True,
        rounds=1,
    )


def _python(code: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, "-c", code], check=True)


def _simulate(*arguments: str, cold: bool = False) -> Callable[[], object]:
    """Runs a command with results, and if `cold` the cache, in a new folder."""
    writes = any(argument == "--scheme" for argument in arguments)

    def call() -> None:
        with tempfile.TemporaryDirectory() as folder:
            cache = {"SEMHARQ_CACHE": str(Path(folder) / "cache")} if cold else {}
            out = ("--out", str(Path(folder) / "out")) if writes else ()
            subprocess.run(
                [sys.executable, "-m", "simulator", *arguments, *out],
                env={**os.environ, **cache},
                stdout=subprocess.DEVNULL,
                check=True,
            )

    return call
