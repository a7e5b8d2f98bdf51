"""Which changes of the code recompute a point: those of what is executed, and no others."""

import ast
import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps import code_identity
from simulator.sweeps.code_identity import (
    PACKAGES,
    WITHOUT_INFLUENCE,
    code_hash,
    counts,
    package_code,
)
from simulator.sweeps.sweep import run

SOURCE = '''"""A gain."""

import math


class Gain:
    """A gain in dB."""

    offset_db = None

    def linear(self, gain_db, scale=1):  # power
        """Returns the linear gain."""
        return scale * math.pow(10, gain_db / 10)


TABLE = {"a": 1, **{"b": 2}}
'''


#: Arrows from a file that counts to one that does not: they pass no number on.
HARMLESS = {
    ("simulator/cache.py", "simulator/files.py"),
    # Its loss in training alone calls them.
    ("simulator/schemes/feature_jscc_f.py", "semantic/training/encoder.py"),
    ("simulator/schemes/feature_jscc_f.py", "simulator/learned_scheme.py"),
    # It tells the C library what to keep.
    ("simulator/setup/prepare.py", "simulator/freed_memory.py"),
    ("simulator/spec.py", "simulator/files.py"),
    ("simulator/spec.py", "simulator/stop_rule.py"),
    ("simulator/sweeps/identity.py", "simulator/sweeps/imported_code.py"),
}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A gain."""', '"""Another text."""'),
        ('"""A gain."""\n', ""),
        ('    """A gain in dB."""\n', ""),
        ('"""Returns the linear gain."""', "'''Gives the gain.'''"),
        ("  # power", ""),
        ("    offset_db = None\n", "    offset_db = None\n    'its offset'\n"),
        ("\n\n\n", "\n\n"),
        (
            "scale * math.pow(10, gain_db / 10)",
            "(scale * math.pow(\n            10, gain_db / 10))",
        ),
        ('"a"', "'a'"),
        ("scale=1)", "scale=1,\n    )"),
    ],
)
def test_comments_docstrings_and_formatting_do_not_count(old: str, new: str) -> None:
    assert old in SOURCE
    assert code_hash(SOURCE.replace(old, new).encode()) == code_hash(SOURCE.encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("gain_db / 10", "gain_db / 20"),
        ("gain_db / 10", "gain_db // 10"),
        ("gain_db / 10", "10 / gain_db"),
        ("scale=1", "scale=1.0"),
        ("scale=1", "scale=True"),
        ("scale=1", "*, scale=1"),
        ("offset_db = None", "offset_db = 0"),
        ("offset_db = None", "offset_db = 'None'"),
        ("offset_db", "Offset_db"),
        ("math.pow", "math.fmod"),
        ("class Gain", "class Gain(dict)"),
        ('"b": 2', '"b": -2'),
        ('**{"b": 2}', '"c": {"b": 2}'),
        ("import math", "import cmath as math"),
        ("return scale", "scale"),
    ],
)
def test_what_is_executed_counts(old: str, new: str) -> None:
    assert old in SOURCE
    assert code_hash(SOURCE.replace(old, new).encode()) != code_hash(SOURCE.encode())


def test_a_file_that_is_not_python_is_hashed_byte_by_byte() -> None:
    broken = (b"print 'two'", b"print 'two' # one", b"\xff\xfe", b"x = 1\0")
    assert len({code_hash(source) for source in broken}) == len(broken)


def test_every_entry_without_influence_names_a_file_that_is_there() -> None:
    root = PACKAGES[0].parent
    for entry in WITHOUT_INFLUENCE:
        path = root / entry
        found = any(path.rglob("*.py")) if entry.endswith("/") else path.is_file()
        assert found, f"{entry} names nothing"


def imports(path: Path, names: set[str]) -> Iterator[str]:
    """The files of the packages that a file imports, at the top and inside functions."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [str(node.module), *(f"{node.module}.{a.name}" for a in node.names)]
        else:
            continue
        yield from {f"{module.replace('.', '/')}.py" for module in modules} & names


def test_no_file_that_counts_imports_one_that_does_not() -> None:
    root = PACKAGES[0].parent
    names = {p.relative_to(root).as_posix() for package in PACKAGES for p in package.rglob("*.py")}
    arrows = {
        (name, target)
        for name in filter(counts, names)
        for target in imports(root / name, names)
        if not counts(target)
    }
    assert arrows == HARMLESS


CHANNEL = '''"""A channel of a user's own."""

from phy.channels.fading import Rician


class Own(Rician):
    """Rician fading."""

    def __init__(self):
        super().__init__(k_factor=3 + 1)  # K
'''


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Copies of the packages' code, from which identities are made, and a user's module."""
    for package in PACKAGES:
        shutil.copytree(package, tmp_path / package.name, ignore=_all_but_python)
    monkeypatch.setattr(code_identity, "PACKAGES", tuple(tmp_path / p.name for p in PACKAGES))
    (tmp_path / "own_channel.py").write_text(CHANNEL)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "aside", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # edits within a second
    package_code.cache_clear()
    importlib.invalidate_caches()
    yield tmp_path
    package_code.cache_clear()
    sys.modules.pop("own_channel", None)


def _all_but_python(folder: str, names: list[str]) -> set[str]:
    return {n for n in names if not n.endswith(".py") and not Path(folder, n).is_dir()}


@pytest.mark.parametrize(
    ("file", "comment", "changes"),
    [
        (
            "phy/power.py",
            ("from __future__", "# Another comment.\nfrom __future__"),
            [("return ", "return 2 * ")],
        ),
        (
            "own_channel.py",
            ('"""Rician fading."""', '"""Rician fading, K = 4."""'),
            [("3 + 1", "3 + 2"), ("3 + 1", "3 * 1")],
        ),
    ],
)
def test_a_run_recomputes_what_a_change_of_the_code_may_change(
    copies: Path,
    tiny_weights: Path,
    folder_data: Path,
    caplog: pytest.LogCaptureFixture,
    file: str,
    comment: tuple[str, str],
    changes: list[tuple[str, str]],
) -> None:
    spec = RunSpec(
        schemes=("toy_parts:plain",),
        snr_db=(0.0,),
        channel="own_channel:Own",
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=4e6,
    )
    prepared, out, whole = prepare(spec), copies / "out", (copies / file).read_text()

    def computed(old: str = "", new: str = "") -> bool:
        """Whether a run computes its point after a change of the file."""
        assert old in whole
        (copies / file).write_text(whole.replace(old, new, 1) if old else whole)
        package_code.cache_clear()
        if "own_channel" in sys.modules:
            importlib.reload(sys.modules["own_channel"])
        steps: list[int] = []
        run(
            prepared,
            lambda what, done, total: steps.append(done) if what == "simulating" else None,
            out,
        )
        return bool(steps)

    assert computed()
    assert not computed(*comment)
    assert "computed again" not in caplog.text
    for change in changes:
        assert computed(*change)
        assert (
            f"1 point is computed again: code {file}".replace(
                "own_channel.py", "own_channel/own_channel.py"
            )
            in caplog.text
        )
        caplog.clear()
    assert not computed()  # the first one is still there


def test_an_edited_file_that_this_process_has_imported_is_refused(
    copies: Path, tiny_weights: Path, folder_data: Path
) -> None:
    """The results of the old code would be taken for those of the new code."""
    (copies / "aside.py").write_text("K = 4")
    text = CHANNEL.replace("3 + 1", "__import__('aside').K")
    assert text != CHANNEL
    (copies / "own_channel.py").write_text(text)
    spec = RunSpec(
        schemes=("perfect",),
        snr_db=(0.0,),
        channel="own_channel:Own",
        data=str(folder_data),
        weights=str(tiny_weights),
    )
    out = copies / "out"
    run(prepare(spec), out=out)
    for name in ("own_channel.py", "aside.py"):
        file = copies / name
        whole = file.read_text()
        file.write_text(f"# A comment\n{whole}")
        run(prepare(spec), out=out)
        file.write_text(f"{whole}\nX = 1\n")
        with pytest.raises(ValueError, match=rf"{name} has changed since this process imported it"):
            run(prepare(spec), out=out)
        importlib.reload(sys.modules[name[:-3]])
        run(prepare(spec), out=out)
    sys.modules.pop("aside")
