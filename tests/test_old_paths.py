"""Old import paths and names work for one release, and warn with the new ones."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from arrows import FILES, statements

import phy.old_paths
import semantic.old_paths
import simulator.old_paths
from simulator.renamed import shown_on_stderr

#: The public names of the tree before its folders were made.
OLD_NAMES = [
    line
    for line in Path(__file__).with_name("old_names.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
TABLES = (phy.old_paths, semantic.old_paths, simulator.old_paths)
MODULES = {old: new for table in TABLES for old, new in table.MODULES.items()}
NAMES = {old: new for table in TABLES for old, new in table.NAMES.items()}
REMOVED = {old: line for table in TABLES for old, line in table.REMOVED.items()}


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


@pytest.mark.parametrize("old", MODULES)
def test_an_old_path_has_the_file_and_the_public_names_of_the_new(old: str) -> None:
    new, bound = importlib.import_module(MODULES[old]), dict[str, object]()
    assert importlib.import_module(old).__file__ == new.__file__
    with pytest.warns(DeprecationWarning, match=re.escape(old)):
        exec(f"from {old} import *", bound)
    public = {n: v for n, v in vars(new).items() if not n.startswith("_")}
    before = {name.partition(":")[2]: NAMES[name] for name in NAMES if name.startswith(f"{old}:")}
    public = {n: v for n, v in public.items() if f"{old}:{n}" not in REMOVED}
    wanted = public | {name: attribute(place) for name, place in before.items()}
    assert {name: bound[name] for name in wanted} == wanted


@pytest.mark.parametrize("module", sorted({old.partition(":")[0] for old in OLD_NAMES}))
def test_a_public_name_of_the_old_tree_is_there_or_says_what_to_use_instead(module: str) -> None:
    for old in OLD_NAMES:
        if old.startswith(f"{module}:") and old not in REMOVED:
            attribute(old)


@pytest.mark.parametrize("old", REMOVED)
def test_the_import_of_a_removed_name_says_what_to_use_instead(old: str) -> None:
    module, _, name = old.partition(":")
    with pytest.raises(ImportError) as caught:
        exec(f"from {module} import {name}")
    assert str(caught.value) == f"{module}.{name} is gone; instead: {REMOVED[old]}"
    assert "\n" not in REMOVED[old]


@pytest.mark.parametrize("old", REMOVED)
def test_the_places_that_the_line_of_a_removed_name_gives_exist(old: str) -> None:
    for place in re.findall(r"(?:phy|semantic|simulator)(?:\.\w+)+", REMOVED[old]):
        assert isinstance(pkgutil.resolve_name(place), object)


def test_the_tables_hold_names_of_the_old_tree_alone() -> None:
    assert set(REMOVED) <= set(OLD_NAMES)
    assert set(NAMES) <= set(OLD_NAMES)
    assert not set(NAMES) & set(REMOVED)


def test_phy_and_semantic_import_old_names_alike() -> None:
    """Neither may import the other, so that each has the classes."""
    for name in ("OldPaths", "RenamedWarning"):
        ours = (getattr(package.old_paths, name) for package in (phy, semantic))
        assert len({inspect.getsource(one) for one in ours}) == 1


@pytest.mark.parametrize("old", ["phy.nakagami:Nakagami", "semantic.quantiser:Quantiser"])
def test_an_old_path_on_the_command_line_is_one_line_on_stderr(
    old: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown_on_stderr():
        attribute(old)
        attribute(old)
    line = capsys.readouterr().err
    assert line.startswith(f"simulate: {old.replace(':', '.')} is now ")
    assert line.count("\n") == 1


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


@pytest.mark.parametrize("name", ["phy.channels.wrapper", "semantic", "simulator.api"])
def test_an_old_path_inside_the_packages_is_an_error_in_tests(name: str) -> None:
    """The filter of pyproject.toml; a user's module may have the old path."""
    exec("from phy.crc import CRC11", {"__name__": "simulators_of_mine"})
    with pytest.raises(DeprecationWarning, match="the old name goes"):
        exec("from phy.crc import CRC11", {"__name__": name})


def test_no_file_of_ours_uses_an_old_path() -> None:
    uses = {
        (str(path), old)
        for path in FILES
        for old in statements(path.read_text(encoding="utf-8"))
        if old in MODULES or old in NAMES or old.replace(":", ".") in MODULES
    }
    assert not uses
