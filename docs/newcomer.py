"""Replays the first steps of a newcomer and measures them: the table of newcomer.md.

    python docs/newcomer.py                     # all steps, which takes minutes
    python docs/newcomer.py --only image        # some steps
    python docs/newcomer.py --write             # also writes the table into newcomer.md

Every command and every block of Python is read from a page of the site. A step fails if it is not
there, if it ends with an error, or if its result is not there. The steps run in an empty directory with
empty caches, so that the times contain the encoding of the images and the compilation of the code.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import re
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.append(str(Path(__file__).parent))  # when the tests import this file
from newcomer_steps import STEPS, Step

DOCS = Path(__file__).parent
PAGE = DOCS / "newcomer.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
HEAD = (
    "| step | page | to write | limit | wall time | processor time |\n|---|---|---|---|---|---|\n"
)
#: The option of Linux's prctl that gives this process the children that ended programs leave behind.
SUBREAPER = 36


@dataclass(frozen=True)
class Took:
    """The times of a step in seconds: on the wall, and of all its processes."""

    wall_s: float
    cpu_s: float


def text_of(step: Step) -> str:
    """Returns the text of a step's page."""
    return (DOCS / step.page.partition("#")[0]).read_text("utf-8")


def commands_of(text: str) -> set[str]:
    """Returns the commands in the code of a page, without their comments.

    >>> commands_of("See `simulate list`:\\n```\\nsimulate list   # names\\n```\\n")
    {'simulate list'}
    """
    fenced = "".join(body for language, body in FENCE.findall(text) if not language)
    indented = "\n".join(re.findall(r"^ {4}(simulate .*)$", FENCE.sub("", text), re.MULTILINE))
    lines = f"{fenced}\n{indented}".splitlines()
    found = (re.sub(r"\s+#.*$", "", line).strip() for line in lines)
    return {line for line in found if line.startswith("simulate ")}


def block_of(text: str, first: str) -> str:
    """Returns the first block of Python on a page that begins with a text.

    Raises:
        LookupError: If there is none.
    """
    for language, body in FENCE.findall(text):
        if language == "python" and body.startswith(first):
            return str(body)
    raise LookupError(f"no block begins with {first!r}")


def prepared(step: Step) -> list[tuple[str, str]]:
    """Returns the actions of a step: (file to write, its text) or ("", command).

    Raises:
        LookupError: If the page does not show a command or block.
    """
    text, found = text_of(step), []
    shown = commands_of(text)
    for action in step.actions:
        file, colon, first = action.partition(": ")
        if colon and file.endswith(".py"):
            found.append((file, block_of(text, first)))
        elif action in shown:
            found.append(("", action))
        else:
            raise LookupError(f"{step.page} does not show `{action}`")
    return found


def to_write(step: Step) -> str:
    """Returns what a newcomer types in a step, in words."""
    actions = prepared(step)
    lines = sum(len(text.splitlines()) for file, text in actions if file)
    commands = sum(not file for file, _ in actions)
    parts = [f"{lines} lines"] * bool(lines)
    parts += [f"{commands} command{'s' * (commands > 1)}"] * bool(commands)
    return ", ".join(parts)


def replay(step: Step, environment: dict[str, str]) -> Took:
    """Runs a step in the current directory.

    Args:
        step: The step.
        environment: Environment of its commands.

    Raises:
        RuntimeError: If a command fails, or a result is not there.
    """
    step.given()
    start, before = time.perf_counter(), processor_s()
    for file, text in prepared(step):
        if file:
            Path(file).write_text(text, "utf-8")
        words = [sys.executable, file] if file == "run.py" else shlex.split(text)
        if file in ("", "run.py"):
            for old, new in step.paths:
                words = [word.replace(old, new) for word in words]
            done = subprocess.run(words, env=environment, check=False)
            if done.returncode:
                raise RuntimeError(f"{shlex.join(words)} ended with {done.returncode}")
    wall_s = time.perf_counter() - start
    missing = [name for name in step.results if not Path(name).exists()]
    problem = f"{missing[0]} is missing" if missing else step.check()
    if problem:
        raise RuntimeError(f"{step.name}: {problem}")
    return Took(wall_s, processor_s() - before)


def processor_s() -> float:
    """Returns the processor time of all ended children, those that they left behind included."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, 0):
            pass
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def adopt_orphans() -> None:
    """Lets this process wait for the workers that a program leaves behind (Linux)."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def readable(seconds: float) -> str:
    """Returns a time in words.

    >>> readable(4.26), readable(125)
    ('4.3 s', '2 min 5 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{round(seconds) // 60} min {round(seconds) % 60} s"


def row(step: Step, took: Took) -> str:
    """Returns the row of a step in the table."""
    times = f"{readable(took.wall_s)} | {readable(took.cpu_s)}"
    name = step.page.partition("#")[0]
    return f"| {step.what} | [{name}]({step.page}) | {to_write(step)} | {step.minutes:g} min | {times} |"


def write_table(rows: Iterable[str]) -> None:
    """Replaces the table of the page."""
    text = PAGE.read_text("utf-8")
    table = re.compile(re.escape(HEAD) + r"(\|.*\n)*")
    PAGE.write_text(table.sub(lambda _: HEAD + "".join(f"{one}\n" for one in rows), text), "utf-8")


def fresh_environment(folder: Path) -> dict[str, str]:
    """Returns the environment of the commands: programs of this Python, empty caches."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SEMHARQ_CACHE": str(folder / "cache"),
        "NUMBA_CACHE_DIR": str(folder / "compiled"),
    }


def main() -> None:
    """Replays the steps and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    names = [step.name for step in STEPS]
    parser.add_argument("--only", metavar="A,B", help=f"steps: {', '.join(names)} [all]")
    parser.add_argument("--write", action="store_true", help="write the table into newcomer.md")
    given = parser.parse_args()
    wanted = given.only.split(",") if given.only else names
    if not {*wanted} <= {*names}:
        parser.error(f"--only {given.only}: the steps are {', '.join(names)}")
    if given.write and len({*wanted}) < len(names):
        parser.error("--write needs all steps")
    adopt_orphans()
    rows, late = [], []
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("work").mkdir()
        os.chdir("work")
        for step in (step for step in STEPS if step.name in wanted):
            took = replay(step, fresh_environment(Path(folder)))
            rows.append(row(step, took))
            late += [step.name] * (took.wall_s > 60 * step.minutes)
            print(f"{rows[-1]}\n", flush=True)
        os.chdir("/")
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[2]:.1f} in the last 15 minutes")
    print(HEAD + "\n".join(rows))
    if given.write:
        write_table(rows)
    if late:
        sys.exit(f"longer than the limit: {', '.join(late)}")


if __name__ == "__main__":
    main()
