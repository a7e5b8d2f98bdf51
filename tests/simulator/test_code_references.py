"""Code and environment variables that a user's file reaches by other ways than an import statement."""

import importlib
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.code_references import references
from simulator.sweeps.identity import NOT_RECORDED, differences
from simulator.sweeps.part_code import part_code
from simulator.sweeps.records import run_record
from simulator.sweeps.sweep import run

NAMES = ("own", "late", "beside", "pk")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a user's modules."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    forget(monkeypatch)
    return tmp_path


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.split(".")[0] in NAMES]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()


def module(own: Path, body: str, name: str = "own") -> ModuleType:
    path = own / f"{name.replace('.', '/')}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(body)
    return importlib.import_module(name)


def method(line: str, head: str = "") -> str:
    return f"import importlib, importlib.util, os, runpy\n{head}\nclass C:\n    def f(self, name=''):\n        {line}\n"


@pytest.mark.parametrize(
    ("line", "head"),
    [
        ('importlib.import_module("late")', ""),
        ('importlib.import_module(name="late")', ""),
        ('load("late")', "from importlib import import_module as load"),
        ('i.import_module("late")', "import importlib as i"),
        ("importlib.import_module(NAME)", 'NAME = "late"'),
        ('__import__("late")', ""),
        ('runpy.run_module("late")', ""),
        ('runpy.run_path("late.py")', ""),
        ('runpy.run_path(Path(__file__).parent / "late.py")', "from pathlib import Path"),
        ('runpy.run_path(os.path.join(os.path.dirname(__file__), "late.py"))', ""),
        ('importlib.util.spec_from_file_location("x", "late.py")', ""),
        ('SourceFileLoader("x", "late.py")', "from importlib.machinery import SourceFileLoader"),
        ("return getattr(importlib.import_module('late'), name)", ""),
        ("return [importlib.import_module('late') for _ in name]", ""),
    ],
)
def test_code_that_is_named_by_a_constant_counts(own: Path, line: str, head: str) -> None:
    (own / "late.py").write_text("import beside\nK = 1")
    (own / "beside.py").write_text("L = 1")
    part = module(own, method(line, head)).C
    before = part_code(part)
    assert not before.computed
    for file in ("late.py", "beside.py"):
        (own / file).write_text((own / file).read_text() + "  # a comment")
        assert part_code(part) == before
        (own / file).write_text((own / file).read_text().replace("= 1", "= 2"))
        assert part_code(part) != before, file
        before = part_code(part)


def test_what_a_module_of_the_package_reaches_counts(own: Path) -> None:
    (own / "late.py").write_text("K = 1")
    (own / "pk").mkdir()
    (own / "pk/__init__.py").write_text("")
    (own / "pk/lazy.py").write_text("import late")
    part = module(own, "class C:\n    def f(self):\n        from . import lazy\n", "pk.k").C
    before = part_code(part)
    (own / "late.py").write_text("K = 2")
    assert part_code(part) != before


@pytest.mark.parametrize(
    ("line", "head"),
    [
        ('return os.environ["GAIN"]', ""),
        ('return os.environ.get("GAIN", "1")', ""),
        ('return os.environ.setdefault("GAIN", "1")', ""),
        ('return os.getenv("GAIN")', ""),
        ('return os.getenv(key="GAIN")', ""),
        ('return "GAIN" in os.environ', ""),
        ('return e["GAIN"]', "from os import environ as e"),
        ('return o.environ["GAIN"]', "import os as o"),
        ('return getenv("GAIN")', "from os import getenv"),
        ("return os.environ[KEY]", 'KEY = "GAIN"'),
    ],
)
def test_an_environment_variable_counts_by_its_value(
    own: Path, monkeypatch: pytest.MonkeyPatch, line: str, head: str
) -> None:
    monkeypatch.delenv("GAIN", raising=False)
    part = module(own, method(line, head)).C
    unset = part_code(part)
    monkeypatch.setenv("GAIN", "")
    empty = part_code(part)
    monkeypatch.setenv("GAIN", "secret")
    found = part_code(part)
    assert len({str(one.hashes) for one in (unset, empty, found)}) == 3
    assert "secret" not in str(found), "its value is not kept"
    assert differences({"code": unset.hashes}, {"code": found.hashes}) == [
        "environment variable GAIN has changed"
    ]


@pytest.mark.parametrize(
    ("line", "head", "text"),
    [
        ("importlib.import_module(name)", "", "importlib.import_module with a computed name"),
        ('importlib.import_module("a" + name)', "", "import_module with a computed name"),
        ("load = importlib.import_module", "", "importlib.import_module with a computed name"),
        ("__import__(name)", "", "__import__ with a computed name"),
        ("runpy.run_path(name)", "", "runpy.run_path with a computed path"),
        ("exec(name)", "", "exec of a text"),
        ("return os.environ[name]", "", "os.environ with a computed variable"),
        ("return dict(os.environ)", "", "os.environ with a computed variable"),
        ("return os.environ.copy()", "", "os.environ with a computed variable"),
        ("return os.getenv(name)", "", "os.environ with a computed variable"),
        ("return [*map(os.getenv, name)]", "", "os.getenv with a computed variable"),
        ("return os.environ[K]", "K = 'A'\nK = 'B'", "os.environ with a computed variable"),
    ],
)
def test_a_computed_name_is_said(own: Path, line: str, head: str, text: str) -> None:
    (found,) = part_code(module(own, method(line, head)).C).computed
    assert found.startswith("own/own.py: ")
    assert text in found


@pytest.mark.parametrize(
    "line",
    [
        'os.environ["GAIN"] = "1"',
        'os.environ.update(GAIN="1")',
        "name.run_path(name)",
        "self.environ[name]",
        "name.eval()",
        "importlib.reload(os)",
        "importlib.invalidate_caches()",
    ],
)
def test_what_reads_nothing_says_nothing(line: str) -> None:
    found = references(method(line).encode())
    assert not found.computed
    assert not found.variables


def test_a_damaged_file_of_the_package_refers_to_nothing() -> None:
    assert references(b"import (") == references(b"") == references(b"import os\0")


CHANNEL = """
import os
from phy.channels.fading import Rician

class Own(Rician):
    def __init__(self):
        super().__init__(k_factor=float(os.environ.get("GAIN", "3")))

    def draw(self, streams, uses, state):
        dict(os.environ)
        return super().draw(streams, uses, state)
"""


@pytest.mark.integration
def test_a_run_says_once_what_it_does_not_record_and_stores_it(
    own: Path,
    tiny_weights: Path,
    folder_data: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (own / "own.py").write_text(CHANNEL)
    spec = RunSpec(
        schemes=("toy_parts:plain",),
        snr_db=(0.0, 3.0),
        channel="own:Own",
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=4e6,
    )
    text = "own/own.py: os.environ with a computed variable"
    with caplog.at_level(logging.WARNING, "simulator"):
        first = run(prepare(spec), out=own / "out")
        assert caplog.text.count(text) == 1
        assert json.loads(json.dumps(run_record(first)))[NOT_RECORDED] == [text]
        monkeypatch.setenv("GAIN", "8")
        second = run(prepare(spec), out=own / "out")
    assert "2 points are computed again: environment variable GAIN has changed" in caplog.text
    assert not first.curve.equals(second.curve)
    caplog.clear()
    plain = run(prepare(replace(spec, channel="rician")), out=own / "plain")
    assert not caplog.text
    assert run_record(plain)[NOT_RECORDED] == []
