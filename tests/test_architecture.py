"""The rooms of the house: which imports which, how long a file and a body may be."""

import ast
from pathlib import Path
from statistics import median

import pytest
from arrows import FILES, ROOTS, imported, imported_by_statement, imported_by_string

LINES, BODY_LINES, MEDIAN_BODY_LINES = 300, 50, 6

#: Files of the folder simulator/ that stand before everything else: what people call.
FRONT = ("__init__.py", "__main__.py", "api.py", "cli.py")

#: A room is a folder; what stands beside a name is all that it may import. Each room imports rooms
#: above it alone, so that there is no circle.
ALLOWED: dict[str, str] = {
    "phy/kernels": "",
    "phy": "phy/kernels",
    "phy/channels": "phy",
    "phy/ofdm": "phy phy/channels",
    "phy/coding": "phy phy/kernels",
    "semantic/parts": "",
    "semantic/metrics": "",
    "semantic": "semantic/parts semantic/metrics",
    "semantic/data": "semantic semantic/parts",
    "semantic/encoder": "semantic semantic/parts",
    "semantic/distortion": "semantic",
    "semantic/link": "semantic semantic/distortion",
    "semantic/vq": "semantic",
    "semantic/deepjscc": "",
    "semantic/plus": "semantic semantic/link semantic/vq",
    "semantic/weights": "semantic semantic/encoder semantic/link semantic/plus semantic/vq "
    "semantic/deepjscc",
    "semantic/training": "semantic semantic/data semantic/encoder semantic/distortion semantic/link "
    "semantic/plus semantic/vq semantic/deepjscc semantic/weights",
    "simulator": "PHY SEMANTIC",
    "simulator/results": "SEMANTIC simulator",
    "simulator/plots": "SEMANTIC simulator simulator/results",
    "simulator/codecs": "simulator",
    "simulator/schemes": "PHY SEMANTIC simulator simulator/codecs",
    "simulator/setup": "PHY SEMANTIC simulator simulator/codecs simulator/schemes",
    "simulator/checks": "PHY SEMANTIC simulator simulator/codecs simulator/setup",
    "simulator/sweeps": "PHY SEMANTIC simulator simulator/results simulator/setup",
    "simulator/interactive": "PHY SEMANTIC simulator simulator/results simulator/setup "
    "simulator/plots simulator/sweeps",
    "simulator/training": "PHY SEMANTIC simulator simulator/results simulator/schemes "
    "simulator/setup simulator/sweeps",
    "simulator/papers": "PHY SEMANTIC simulator simulator/results simulator/setup "
    "simulator/training",
    "simulator/frontier": "PHY SEMANTIC simulator simulator/results simulator/setup "
    "simulator/sweeps",
    "simulator/report": "PHY SEMANTIC simulator simulator/results simulator/setup "
    "simulator/sweeps simulator/interactive",
    "simulator/commands": "PHY SEMANTIC simulator simulator/results simulator/setup "
    "simulator/plots simulator/checks simulator/sweeps simulator/training simulator/papers "
    "simulator/report simulator/frontier",
    "simulator front": "PHY SEMANTIC simulator simulator/setup simulator/checks simulator/results "
    "simulator/sweeps simulator/interactive simulator/commands",
}

#: The modules that stand in no folder of phy/ and semantic/. The old paths go with the next release.
BESIDE = {
    "phy": "channel equalizer modulation old_paths power sionna_import snr streams",
    "semantic": "columns conventions losses old_paths plugins quantizer reid suggest tasks tiles",
}

#: Files whose strings name parts that are imported when somebody asks for them by name, and the
#: rooms of these parts beyond those that the file's own room may import. No other string may do so.
REGISTRIES: dict[str, str] = {
    "phy/old_paths.py": "phy/channels, phy/ofdm, phy/coding",
    "semantic/old_paths.py": "semantic/data, semantic/encoder, semantic/distortion, "
    "semantic/link, semantic/plus, semantic/weights, semantic/training",
    "simulator/old_paths.py": "simulator/results, simulator/plots, simulator/codecs, "
    "simulator/schemes, simulator/setup, simulator/checks, simulator/sweeps, simulator/training, "
    "simulator/papers, simulator/commands, simulator front",
    "simulator/catalog.py": "simulator/codecs",
    "simulator/scheme_catalog.py": "simulator/setup",
}

#: The files of one room, any of which a string that is put together may name.
OFDM = sorted(path.name for path in (ROOTS["phy"] / "ofdm").glob("*.py"))

#: Files that have a package's name in a string and import nothing by it: the name of a logger, or
#: the packages whose code is ours.
NAMED: dict[str, str] = {
    "semantic/parts/files.py": "phy semantic simulator",
    "simulator/commands/run.py": "simulator",
    "simulator/sweeps/late_reads.py": "simulator",
}


def room(path: Path) -> str:
    """The room of a file: its folder, or the part of simulator/ that people call."""
    root = next(root for root in ROOTS.values() if path.is_relative_to(root))
    parts = path.relative_to(root.parent).parts
    if parts[0] == "simulator" and len(parts) == 2 and parts[1] in FRONT:
        return "simulator front"
    return "/".join(parts[:2]) if len(parts) > 2 else parts[0]


def allowed(name: str) -> set[str]:
    """The rooms that a room may import, PHY and SEMANTIC written out."""
    rooms = set(ALLOWED[name].split())
    for package in ("phy", "semantic"):
        if package.upper() in rooms:
            rooms = rooms - {package.upper()} | {r for r in ALLOWED if r.split("/")[0] == package}
    return rooms


def text(path: Path) -> str:
    """The source of a file."""
    return path.read_text(encoding="utf-8")


def short(path: Path) -> str:
    """A file as the tables name it: phy/channel.py."""
    return path.relative_to(ROOTS["phy"].parent).as_posix()


def forbidden(name: str, files: set[Path]) -> set[str]:
    """Those of the files that the table does not allow a room to import."""
    return {short(path) for path in files if room(path) not in allowed(name) | {name}}


def arrows(path: Path) -> set[Path]:
    """The files that a file imports, but for those that a registry names by string."""
    source, named = text(path), {ROOTS[n] for n in NAMED.get(short(path), "").split()}
    strings = set() if short(path) in REGISTRIES else imported_by_string(source)
    strings -= {root / "__init__.py" for root in named}
    return (imported_by_statement(source) | strings) - {path}


def test_the_table_names_every_room_and_has_no_circle() -> None:
    assert {room(path) for path in FILES} == set(ALLOWED)
    above: set[str] = set()
    for name in ALLOWED:
        assert allowed(name) <= above, f"{name} imports a room that stands below it in the table"
        above.add(name)


@pytest.mark.parametrize("name", ALLOWED)
def test_a_room_imports_what_the_table_allows(name: str) -> None:
    found = {
        short(path): files
        for path in FILES
        if room(path) == name and short(path) not in REGISTRIES
        if (files := forbidden(name, arrows(path)))
    }
    assert not found


@pytest.mark.parametrize("name", REGISTRIES)
def test_a_registry_names_the_rooms_of_the_table(name: str) -> None:
    path = ROOTS["phy"].parent / name
    inside = allowed(room(path)) | {room(path)}
    assert {room(file) for file in arrows(path)} <= inside
    named = {room(file) for file in imported_by_string(text(path))}
    assert named - inside == set(REGISTRIES[name].split(", "))


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("import semantic.training", ["semantic/training/__init__.py"]),
        ("import phy", ["phy/__init__.py"]),
        ("from semantic import training", ["semantic/training/__init__.py"]),
        ("from phy import streams", ["phy/streams.py"]),
        (
            "from simulator import open_link",
            ["simulator/__init__.py", "simulator/interactive/opened_link.py"],
        ),
        ("from simulator import run", ["simulator/__init__.py"]),
        ("from semantic.data.synthetic import NAME", ["semantic/data/synthetic/__init__.py"]),
        (
            "from semantic.data import open_dataset",
            ["semantic/data/__init__.py", "semantic/data/opening.py"],
        ),
        ("LAZY = {'link': 'simulator.link'}", ["simulator/link.py"]),
        ("import_module('semantic.losses')", ["semantic/losses.py"]),
        ("OLD = {'phy.crc:crc': 'phy.coding.crc:crc'}", ["phy/coding/crc.py"]),
        (
            "TABLE = {'phy.snr': 'the SNR', f'phy.power:{x}': ''}",
            ["phy/power.py", "phy/snr.py"],
        ),
        ("from phy.crc import CRC11", ["phy/coding/crc.py"]),
        ("from phy import crc", ["phy/coding/crc.py"]),
        ("import phy.crc", ["phy/coding/crc.py"]),
        ("import_module('phy.crc')", ["phy/coding/crc.py"]),
        ("import_module('simulator')", ["simulator/__init__.py"]),
        ("sys.modules['simulator']", ["simulator/__init__.py"]),
        ("runpy.run_module('simulator')", ["simulator/__init__.py"]),
        ("target = 'simulator.api:A.b'", ["simulator/api.py"]),
        ("'simulator.api.simulate'", ["simulator/api.py"]),
        (
            "import semantic.tiles\nx = semantic.training.x",
            ["semantic/tiles.py", "semantic/training/__init__.py"],
        ),
        ("f'phy.ofdm.{name}'", [f"phy/ofdm/{name}" for name in OFDM]),
        ("'phy.ofdm.' + name", [f"phy/ofdm/{name}" for name in OFDM]),
        ("target = f'phy.ofdm.tdl:tdl_{model}'", ["phy/ofdm/tdl.py"]),
        ("def f():\n    import phy.snr, numpy", ["phy/snr.py"]),
        ("import torch, numpy.linalg\nfrom pathlib import Path\nx = 'physics.no_such'", []),
        ("'See phy.snr for this.'", []),
    ],
)
def test_every_form_of_an_import_is_an_arrow(source: str, files: list[str]) -> None:
    assert sorted(short(path) for path in imported(source)) == files


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("phy", "from simulator import open_link"),
        ("phy/channels", "import semantic.training"),
        ("simulator", "from simulator import run"),
        ("semantic/link", "from semantic.data.synthetic import NAME"),
        ("simulator/sweeps", "EXPORTS = {'open_link': 'simulator.interactive.opened_link'}"),
        ("simulator/results", "import simulator"),
    ],
)
def test_an_arrow_that_the_table_lacks_is_found(name: str, source: str) -> None:
    assert forbidden(name, imported(source))


@pytest.mark.parametrize("name", NAMED)
def test_a_file_that_names_a_package_does_so(name: str) -> None:
    bare = {ROOTS[package] / "__init__.py" for package in NAMED[name].split()}
    assert bare <= imported_by_string(text(ROOTS["phy"].parent / name))


@pytest.mark.parametrize(
    "source",
    [
        "from phy import *",
        "from .api import simulate",
        "import_module('.api', 'simulator')",
        "importlib.import_module('.training', __package__)",
        "import semantic as s",
    ],
)
def test_a_form_of_import_that_hides_its_arrow_is_refused(source: str) -> None:
    with pytest.raises(AssertionError, match="hide"):
        imported(source)


def test_every_arrow_of_the_table_is_there() -> None:
    walked = {(room(path), room(target)) for path in FILES for target in arrows(path)}
    for name, rooms in ALLOWED.items():
        for other in set(rooms.split()) - {"PHY", "SEMANTIC"}:
            assert (name, other) in walked, f"{name} does not import {other}"


def test_no_file_imports_itself_in_a_circle() -> None:
    graph = {path: arrows(path) for path in FILES}
    done: set[Path] = set()
    while free := [path for path in FILES if path not in done and graph[path] <= done]:
        done |= set(free)
    assert set(FILES) - done == set()


@pytest.mark.parametrize("name", ["utils.py", "misc.py", "common.py", "helpers.py"])
def test_no_file_for_whatever_is_left(name: str) -> None:
    assert [path for path in FILES if path.name == name] == []


@pytest.mark.parametrize("package", BESIDE)
def test_few_modules_stand_beside_the_folders(package: str) -> None:
    found = {path.stem for path in ROOTS[package].glob("*.py")} - {"__init__"}
    assert found == {*BESIDE[package].split()}


def test_files_and_bodies_are_short() -> None:
    tests = Path(__file__).parent.rglob("*.py")
    lengths = {str(path): len(text(path).splitlines()) for path in (*FILES, *tests)}
    assert {path: n for path, n in lengths.items() if n > LINES} == {}
    bodies = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                bodies[f"{path}: {node.name}:{node.lineno}"] = body_lines(node)
    assert {where: n for where, n in bodies.items() if n > BODY_LINES} == {}
    assert median(bodies.values()) <= MEDIAN_BODY_LINES


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function behind its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return sum(node.end_lineno - node.lineno + 1 for node in body if node.end_lineno is not None)
