"""Files from elsewhere: they execute no code unasked, and write nowhere but into the run."""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import simulator
from simulator.cli import main
from simulator.spec import RunSpec
from simulator.sweeps.merge_trainings import merge_runs
from simulator.sweeps.plan import Plan
from simulator.sweeps.store import Store


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="simulate")


def refused(*arguments: object) -> str:
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    return str(line)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a module that leaves a file when it is imported, or when it is called."""
    (tmp_path / "sly_module.py").write_text(
        "import pathlib\npathlib.Path('imported').touch()\n"
        "def sly(split='', networks='', *rest):\n    pathlib.Path('called').touch()\n"
        "class Sly:\n    def __init__(self, *rest):\n        pathlib.Path('called').touch()\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("sly_module", None)


SLY = [
    {"schemes": ["sly_module:sly"]},
    {"channel": "sly_module:Sly"},
    {"channel": "simo/sly_module:Sly"},
    {"channel": "simo", "channel_args": {"over": "sly_module:Sly"}},
    {"data": "sly_module:sly"},
    {"schemes": ["conventional-amc"], "scheme_args": {"codec": "sly_module:Sly"}},
]


@pytest.mark.parametrize("fields", SLY, ids=str)
def test_a_spec_from_elsewhere_executes_nothing(here: Path, fields: dict[str, object]) -> None:
    (here / "run.json").write_text(json.dumps({"spec": fields}), encoding="utf-8")
    line = refused("--spec", "run.json", "--out", "out")
    assert "run.json names code outside the catalog" in line
    assert "sly_module:" in line
    assert "--trust" in line
    assert not (here / "imported").exists()
    with pytest.raises(ValueError, match="--trust"):
        simulator.simulate(spec="run.json")
    assert not (here / "imported").exists()


@pytest.mark.parametrize("fields", SLY, ids=str)
def test_trusted_parts_are_imported_and_not_called_unless_they_declare_themselves(
    here: Path, fields: dict[str, object], tiny_weights: Path, folder_data: Path
) -> None:
    """A scheme's factory and a function of data declare themselves by their first parameter."""
    fields = {"data": str(folder_data), "weights": str(tiny_weights), **fields}
    (here / "run.json").write_text(json.dumps(fields), encoding="utf-8")
    line = refused("--spec", "run.json", "--out", "out", "--trust")
    assert (here / "imported").exists()
    assert (here / "called").exists() == (fields["data"] == "sly_module:sly")
    assert "sly_module:" in line


def test_a_sweep_file_from_elsewhere_executes_nothing(here: Path) -> None:
    (here / "sweep.toml").write_text('[grid]\nchannel = ["rician", "sly_module:Sly"]\n')
    assert "--trust" in refused("--sweep", "sweep.toml", "--out", "out")
    assert not (here / "imported").exists()
    assert not (here / "out").exists()


@pytest.mark.parametrize("arguments", [
    ["--channel", "subprocess:Popen", "--channel-arg", "args=touch called"],
    ["--channel", "os:system", "--channel-arg", "command=touch called"],
    ["--channel", "shutil:rmtree", "--channel-arg", "path=sly_module.py"],
    ["--data", "os:system"],
    ["--scheme", "os:system"],
    ["--scheme", "conventional-amc", "--scheme-arg", "codec=subprocess:Popen"],
], ids=" ".join)  # fmt: skip
def test_what_is_no_part_is_never_called(
    here: Path, arguments: list[str], tiny_weights: Path, folder_data: Path
) -> None:
    if "--data" not in arguments:
        arguments = [*arguments, "--data", str(folder_data)]
    (here / "test").write_text("#!/bin/sh\ntouch called\n", encoding="utf-8")
    line = refused(*arguments, "--weights", tiny_weights, "--out", "out")
    assert "it must be" in line or "must be a function of the split" in line
    assert not (here / "called").exists()
    assert (here / "sly_module.py").exists()


def test_names_on_the_command_line_are_trusted(here: Path) -> None:
    (here / "run.json").write_text(json.dumps({"channel": "sly_module:Sly"}), encoding="utf-8")
    line = refused("--spec", "run.json", "--channel", "sly_module:Sly", "--out", "out")
    assert "--trust" not in line
    assert "it must be a subclass of phy.channel.Channel" in line


def plan(directory: Path, name: object) -> None:
    """A run whose plan names a file; the file is there, with a right checksum."""
    store = Store(directory)
    value = {"spec": RunSpec().to_json(), "images": 1, "points": {"semharq 0 dB seed 0": name}}
    store.write_json("plan.json", value)


@pytest.mark.parametrize(
    "name",
    ["../../../../x", "../x.rows", "/tmp/x.rows", "..", ".", "", "a/b.rows", "a\\b.rows",
     "x.rows\n", ".hidden.rows", "\0.rows", "x" * 300 + ".rows", None, 5, ["x.rows"], "plan.json"],
)  # fmt: skip
def test_merge_writes_plain_names_only(tmp_path: Path, name: object) -> None:
    plan(tmp_path / "run", name)
    identity = {"scheme": "a", "snr_db": 0.0, "seed": 0, "weights": {}, "code": {}, "data": ""}
    if (
        isinstance(name, str)
        and name
        and "\0" not in name
        and name != "plan.json"
        and len(name) < 256
    ):
        with suppress(ValueError):
            Store(tmp_path / "run").write(name, identity, b"payload")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="is not the plain name of a cell's file") as caught:
        merge_runs([tmp_path / "run"], tmp_path / "deep" / "out")
    assert "\n" not in str(caught.value)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, "has no entry 'spec'"),
        ([], "no readable cells/plan.json"),
        ({"spec": {}, "images": 1}, "has no entry 'points'"),
        ({"spec": {}, "images": "1", "points": {}}, "images is '1'"),
        ({"spec": {}, "images": 1, "points": []}, "points must be a table"),
        ({"spec": {"sheme": 1}, "images": 1, "points": {}}, "unknown field 'sheme'"),
    ],
)
def test_a_plan_that_lacks_an_entry_is_one_line(
    tmp_path: Path, value: object, expected: str
) -> None:
    store = Store(tmp_path)
    store.write_json("plan.json", value)
    with pytest.raises(ValueError, match=r"plan\.json") as caught:
        Plan.read(store)
    assert expected in str(caught.value)
    assert expected in refused("merge", tmp_path, "--out", tmp_path / "out")
    status = call("status", tmp_path)
    assert status.exit_code == 0
    assert expected in status.output
