"""Start-up and whole commands: wall-clock time on all cores, and peak memory."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.bench.entry import Case, entry
from benchmarks.bench.other_job import peak_of

MAIN_JOB = ("--scheme", "semharq,perfect", "--snr=-6:8:2", "--quiet", "--device", "cpu")
IMAGE_JOB = ("--scheme", "jpeg-ldpc-16qam-harq", *MAIN_JOB[2:])


@entry("start-up")
def start_up(small: bool) -> Case:
    """A command without torch, and Python with the library of the command line."""
    return Case(
        work=_simulate("list"),
        reference=_python("import click"),
        measures="simulate list",
        against='python -c "import click"',
        amount=1,
        unit="command",
        whole=True,
    )


@entry("imports")
def imports(small: bool) -> Case:
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
def main_job_warm(small: bool) -> Case:
    """The main job with the encoder's outputs in the cache, and the imports alone."""
    return Case(
        work=_simulate(*MAIN_JOB, "--no-resume", *_few(small)),
        reference=_python("import torch"),
        measures="`simulate --scheme semharq,perfect --snr -6:8:2`, outputs of the encoder cached",
        against="python -c 'import torch'",
        amount=1,
        unit="command",
        whole=True,
        rounds=2,
    )


@entry("main job, cold")
def main_job_cold(small: bool) -> Case:
    """The main job with an empty cache, and with a full one."""
    return _cold(MAIN_JOB, "the main job", small)


@entry("image job, cold")
def image_job_cold(small: bool) -> Case:
    """All SNRs of an image chain with an empty cache, and with a full one."""
    return _cold(IMAGE_JOB, "`simulate --scheme jpeg-ldpc-16qam-harq --snr -6:8:2`", small)


def _cold(job: tuple[str, ...], name: str, small: bool) -> Case:
    """A job with an empty cache beside the same with a full one."""
    return Case(
        work=_simulate(*job, "--no-resume", *_few(small), cold=True),
        reference=_simulate(*job, "--no-resume", *_few(small)),
        measures=f"{name} with an empty cache",
        against="the same with a full cache",
        amount=1,
        unit="command",
        whole=True,
        rounds=1,
    )


def _few(small: bool) -> tuple[str, ...]:
    return ("--images", "40") if small else ()


def _python(code: str) -> Callable[[], object]:
    return lambda: peak_of([sys.executable, "-c", code])


def _simulate(*arguments: str, cold: bool = False) -> Callable[[], object]:
    """Runs a command with results, and if `cold` the cache, in a new folder."""
    writes = "--scheme" in arguments

    def call() -> int:
        with tempfile.TemporaryDirectory() as folder:
            cache = {"SEMHARQ_CACHE": str(Path(folder) / "cache")} if cold else {}
            out = ("--out", str(Path(folder) / "out")) if writes else ()
            return peak_of([sys.executable, "-m", "simulator", *arguments, *out], cache)

    return call
