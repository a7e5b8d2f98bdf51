"""Which code of a user's part recomputes a point: its own, and that which it imports."""

import importlib
import json
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

import pytest

from simulator.spec import RunSpec
from simulator.sweeps import part_code
from simulator.sweeps.identity import own_code


@pytest.mark.parametrize(
    ("files", "part", "changed"),
    [
        (
            {"own.py": "from aside import K\nclass C:\n    k = K", "aside.py": "K = 1"},
            "own",
            "aside.py",
        ),
        (
            {
                "own.py": "import aside\nclass C: pass",
                "aside.py": "import deep",
                "deep.py": "K = 1",
            },
            "own",
            "deep.py",
        ),
        (
            {"own.py": "from base import B\nclass C(B): pass", "base.py": "class B:\n    G = 1"},
            "own",
            "base.py",
        ),
        (
            {"pk/__init__.py": "", "pk/own.py": "from pk.sub.k import K\nclass C: pass"}
            | {"pk/sub/__init__.py": "", "pk/sub/k.py": "K = 1"},
            "pk.own",
            "pk/sub/k.py",
        ),
        (
            {"own.py": "class C:\n    def f(self):\n        import late", "late.py": "K = 1"},
            "own",
            "late.py",
        ),
    ],
)
def test_code_that_a_users_part_imports_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], part: str, changed: str
) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [
        n for n in sys.modules if n.split(".")[0] in ("own", "aside", "deep", "base", "pk", "late")
    ]:
        monkeypatch.delitem(sys.modules, name)
    module = importlib.import_module(part)
    if "late.py" in files:
        importlib.import_module("late")  # as the run itself has done
    before = part_code.module_code(module.C)
    (tmp_path / changed).write_text(files[changed] + "\n# a comment")
    assert part_code.module_code(module.C) == before
    (tmp_path / changed).write_text(files[changed].replace("1", "2") + "\nL = 3")
    assert part_code.module_code(module.C) != before


@pytest.mark.parametrize(
    ("inside", "changed"),
    [
        ("import late", "late.py"),
        ("from late import K", "late.py"),
        ("import later.sub.k", "later/sub/k.py"),
        ("from spaced.k import K", "spaced/k.py"),
    ],
)
def test_an_import_inside_a_function_counts_before_it_is_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str, changed: str
) -> None:
    (tmp_path / "own.py").write_text(f"class C:\n    def f(self):\n        {inside}")
    path = tmp_path / changed
    path.parent.mkdir(parents=True, exist_ok=True)
    for folder in [p for p in path.parents if p.is_relative_to(tmp_path) and p != tmp_path]:
        if folder.name != "spaced":  # a package without a file of its own
            (folder / "__init__.py").write_text("")
    path.write_text("K = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [n for n in sys.modules if n.split(".")[0] in ("own", "late", "later", "spaced")]:
        monkeypatch.delitem(sys.modules, name)
    part = importlib.import_module("own").C
    before = part_code.module_code(part)
    assert not {"late", "later", "spaced"} & {*sys.modules}, "it is not executed either"
    part().f()
    assert part_code.module_code(part) == before, "in a worker that has called it"
    path.write_text("K = 2")
    assert part_code.module_code(part) != before


def test_a_module_that_names_a_file_which_is_not_there_has_no_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As torch.classes does, a value of torch.nn: a part may be of an installed library."""
    module = ModuleType("own")
    module.__file__ = "_own.py"
    monkeypatch.setitem(sys.modules, "own", module)
    part = type("C", (), {"__module__": "own"})
    assert part_code.module_code(part) == {}


def test_a_part_counts_where_libraries_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.py").write_text("import beside\nclass C:\n    K = 1\n")
    (tmp_path / "beside.py").write_text("L = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    folders = (*part_code.LIBRARY_FOLDERS, tmp_path)
    monkeypatch.setattr(part_code, "LIBRARY_FOLDERS", folders)
    for name in {"own", "beside"} & {*sys.modules}:
        monkeypatch.delitem(sys.modules, name)
    part = importlib.import_module("own").C
    before = part_code.module_code(part)
    assert [*before] == ["own/own.py"], "the other file is a library"
    (tmp_path / "own.py").write_text("import beside\nclass C:\n    K = 2\n")
    assert part_code.module_code(part) != before
    for name in ("own", "beside"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "text", ["from functools import partial\nC = partial(C, 1)", "C.G = 1", "C = C(1).again"]
)
def test_the_module_that_names_a_part_counts_wherever_the_part_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in {"own", "base"} & {*sys.modules}:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "base.py").write_text(
        "class C:\n    def __init__(self, g):\n        self.g = g\n    def again(self): pass"
    )
    (tmp_path / "own.py").write_text(f"from base import C\n{text}")
    part = importlib.import_module("own").C
    before = part_code.module_code(part, "own")
    assert {"own/own.py", "base/base.py"} == {*before}
    (tmp_path / "own.py").write_text(f"from base import C\n{text}".replace("1", "2"))
    assert part_code.module_code(part, "own") != before


def test_a_part_without_a_file_is_named() -> None:
    """As the parts that a cell of a notebook defines."""
    part = type("C", (), {"__module__": "__notebook__"})
    sys.modules["__notebook__"] = ModuleType("__notebook__")
    try:
        found = part_code.part_code(part, "__notebook__")
    finally:
        del sys.modules["__notebook__"]
    assert found.computed == ("module __notebook__ has no source file",)
    assert not part_code.part_code(json.JSONDecoder, "json").computed


@pytest.mark.parametrize("suffix", EXTENSION_SUFFIXES)
def test_compiled_code_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    for folder in (tmp_path, tmp_path / "pk"):
        folder.mkdir(exist_ok=True)
        (folder / f"fast{suffix}").write_bytes(b"\x7fELF 1")
    (tmp_path / "pk/__init__.py").write_text("class C: pass")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "pk", raising=False)
    module = ModuleType("fast")
    module.__file__, module.__package__ = str(tmp_path / f"fast{suffix}"), ""
    monkeypatch.setitem(sys.modules, "fast", module)
    for part, named in (
        (type("C", (), {"__module__": "fast"}), "fast"),
        (importlib.import_module("pk").C, "pk"),
    ):
        before = part_code.module_code(part, named)
        for folder in (tmp_path, tmp_path / "pk"):
            (folder / f"fast{suffix}").write_bytes(b"\x7fELF 2" + named.encode())
        assert part_code.module_code(part, named) != before
    monkeypatch.delitem(sys.modules, "pk")


@pytest.mark.parametrize(
    ("channel", "over"),
    [
        ("toy_parts:Rayleigh", None),
        ("shadowed/toy_parts:Rayleigh", None),
        ("simo/shadowed/toy_parts:Rayleigh", None),
        ("shadowed", "simo/toy_parts:Rayleigh"),
    ],
)
def test_an_own_channel_counts_wherever_it_is_named(channel: str, over: str | None) -> None:
    arguments = () if over is None else (("over", over),)
    spec = RunSpec(channel=channel, channel_args=arguments)
    assert "toy_parts/toy_parts.py" in own_code(spec)
