"""Old import paths and names work for one release, and warn with the new ones."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import phy.old_paths
import semantic.old_paths
import simulator.old_paths

TABLES = (phy.old_paths, semantic.old_paths, simulator.old_paths)
MODULES = {old: new for table in TABLES for old, new in table.MODULES.items()}
NAMES = {old: new for table in TABLES for old, new in table.NAMES.items()}


def attribute(place: str) -> object:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("old", NAMES)
def test_an_old_name_is_the_new_one_and_warns(old: str) -> None:
    module, _, name = NAMES[old].partition(":")
    with pytest.warns(DeprecationWarning, match=rf"is now {module}\.{name}; the old name goes"):
        found = attribute(old)
    assert found is attribute(NAMES[old])


@pytest.mark.parametrize("old", MODULES)
def test_an_old_path_gives_what_stands_at_the_new_one(old: str) -> None:
    new = importlib.import_module(MODULES[old])
    public = [n for n in vars(new) if not n.startswith("_") and f"{old}:{n}" not in NAMES]
    with pytest.warns(DeprecationWarning, match=f"is now {MODULES[old]}"):
        assert getattr(importlib.import_module(old), public[-1]) is getattr(new, public[-1])


@pytest.mark.parametrize("module", ["semantic.weights", "semantic.plus", "phy.power", "phy.fading"])
def test_a_name_that_never_was_is_an_error(module: str) -> None:
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        attribute(f"{module}:nothing_of_the_kind")


@pytest.mark.integration
def test_a_fresh_process_imports_old_paths_and_hears_of_the_new() -> None:
    code = "from phy.fading import Rician; from semantic.model import load_encoder; print(Rician())"
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True
    )
    assert "phy.fading.Rician is now phy.channels.fading.Rician" in done.stderr
    assert "semantic.weights.stored.load_encoder" in done.stderr


def test_no_file_of_ours_uses_an_old_path() -> None:
    old = re.compile("|".join(rf"{re.escape(path)}(?!\w)" for path in MODULES))
    root = Path(phy.__path__[0]).parent
    files = [p for name in ("phy", "semantic", "simulator") for p in (root / name).rglob("*.py")]
    uses = {
        f"{path}: {line}"
        for path in files
        if path.name != "old_paths.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.lstrip().startswith(("from ", "import ")) and old.search(line)
    }
    assert not uses
