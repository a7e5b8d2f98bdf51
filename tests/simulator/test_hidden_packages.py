"""A user's own phy.py, semantic.py or random.py in the current directory."""

import os
import random
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

import simulator
from simulator import hidden_packages
from simulator.hidden_packages import hidden_by

pytestmark = pytest.mark.integration

HOME = Path(simulator.__path__[0]).parent
PART = "import phy\n\nFILE = phy.__file__\n"
#: A program called `simulate` that asks a process of the fork server what it imports.
ASK = """\
import multiprocessing as mp, os

def answer(queue):
    import phy, random, semantic
    print(*(module.__file__ for module in (phy, semantic, random)), sep="\\n", flush=True)
    queue.put([name for name in os.environ if name in ("PYTHONSAFEPATH", "PYTHONPATH")])

if __name__ == "__main__":
    from multiprocessing import forkserver
    from simulator.sweeps.forkserver import start_forkserver

    preload = forkserver.set_forkserver_preload
    forkserver.set_forkserver_preload = lambda names: preload(names[:1])  # without torch
    start_forkserver()
    queue = mp.get_context("forkserver").SimpleQueue()
    mp.get_context("forkserver").Process(target=answer, args=(queue,)).start()
    print(queue.get(), "PYTHONSAFEPATH" in os.environ)
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory of a user with files of the names of the packages, and a part."""
    (tmp_path / "here").mkdir()
    hide(tmp_path / "here", "phy", "semantic")
    (tmp_path / "here" / "part.py").write_text(PART)
    (tmp_path / "bin").mkdir()
    return tmp_path / "here"


def hide(folder: Path, *names: str) -> None:
    for name in names:
        (folder / f"{name}.py").write_text("raise SystemExit('a file of the user is imported')")


def process(cwd: Path, *words: object, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{path}{HOME}"}
    environment.pop("PYTHONSAFEPATH", None)
    command = [sys.executable, *map(str, words)]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_command_imports_the_packages_and_parts_of_the_current_directory(here: Path) -> None:
    hide(here, "random", "click", "torch")
    (here.parent / "bin" / "simulate").write_text(
        "from simulator.__main__ import main\nfrom semantic.plugins import load\n"
        "print(load('channel', 'part:FILE', 'part:FILE'))\nmain()\n"
    )
    found = process(here, "../bin/simulate", "--version")
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith(f"{HOME}/phy/__init__.py\nsimulate, version ")


@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("path", ["", ":"])  # an empty entry is the current directory
def test_the_fork_server_finds_the_packages(here: Path, path: str) -> None:
    (here.parent / "bin" / "simulate").write_text(ASK)
    if not path:
        hide(here, "random", "socket")
    found = process(here, "../bin/simulate", path=path)
    *files, last = found.stdout.splitlines()
    assert files[:2] == [str(HOME / name / "__init__.py") for name in ("phy", "semantic")], found
    assert Path(files[2]) == Path(random.__file__)
    assert last == "['PYTHONPATH'] False"


def test_python_m_and_scripts_say_in_one_line_what_hides_the_package(here: Path) -> None:
    line = f"`phy` resolves to {here}/phy.py, which hides the package: rename it or run `simulate`"
    found = process(here, "-m", "simulator", "list")
    assert (found.returncode, found.stderr) == (2, f"simulate: {line}\n")
    found = process(here, "-c", "import simulator")
    assert found.stderr.splitlines()[-1] == f"ImportError: {line}"
    found = process(here.parent / "bin", "-c", "import simulator", path=f"{here}:")
    assert found.stderr.endswith("rename it or take its folder off PYTHONPATH\n")


def test_a_folder_without_init_hides_an_editable_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python takes any folder for a package before it asks the finder of pip's editable mode."""
    (tmp_path / "semantic").mkdir()
    spec = ModuleSpec("semantic", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path / "semantic")]
    monkeypatch.setattr(hidden_packages, "find_spec", lambda name: spec)
    assert hidden_by("semantic") == tmp_path / "semantic"
