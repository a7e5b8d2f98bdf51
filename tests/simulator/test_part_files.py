"""Files that users' own parts read: a changed file is computed again, and named."""

import importlib
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from semantic.parts.files import Reading, file_hashes
from simulator import check_channel, check_scheme
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.engines import Engine
from simulator.sweeps.records import write_result
from simulator.sweeps.sweep import Result, run

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("processes")]


@pytest.fixture
def spec(
    tiny_weights: Path, folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> RunSpec:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    torch.save(torch.tensor(1.0), "files/pca.pt")
    Path("files/table.json").write_text("1.0")
    Path("files/codec.bin").write_bytes(b"1")
    return RunSpec(
        schemes=("reading_parts:seen",),
        snr_db=(-3.0, 3.0),
        channel="toy_parts:Rayleigh",
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=4e6,
    )


def into(spec: RunSpec, out: Path, **options: object) -> tuple[Result, int]:
    """Runs a spec into a directory, and counts the images that it simulates."""
    done = []

    def progress(what: str, images: int, total: int) -> None:
        if what == "simulating":
            done.append(images)

    result = run(prepare(spec), progress, out=out, **options)
    assert not result.failures
    return result, len(done)


@pytest.mark.parametrize("scheme", ["seen", "declared"])
def test_a_changed_file_is_computed_again_and_named(
    spec: RunSpec, tmp_path: Path, caplog: pytest.LogCaptureFixture, scheme: str
) -> None:
    spec = replace(spec, schemes=(f"reading_parts:{scheme}",))
    first, cells = into(spec, tmp_path / "run")
    assert cells == 2
    assert into(spec, tmp_path / "run")[1] == 0
    path = str(tmp_path / "files/pca.pt")
    assert first.files == file_hashes([path])
    write_result(first, tmp_path / "run")
    assert json.loads((tmp_path / "run/run.json").read_text())["files_sha256"] == first.files
    torch.save(torch.tensor(0.0001), path)
    with caplog.at_level(logging.WARNING, "simulator"):
        second, cells = into(spec, tmp_path / "run")
    assert cells == 2
    assert "computed again: file pca.pt has changed" in caplog.text
    assert second.files != first.files


@pytest.mark.parametrize(
    ("change", "file"),
    [
        ({"channel": "reading_parts:Table"}, "table.json"),
        ({"channel": "shadowed/reading_parts:Table"}, "table.json"),
        (
            {
                "schemes": ("jpeg-ldpc-bpsk",),
                "scheme_args": (("codec", "reading_parts:Offset"), ("quality", 50)),
            },
            "codec.bin",
        ),
        (
            {
                "schemes": ("reading_parts:named",),
                "scheme_args": (("weights", "files/pca.pt"),),
            },
            "pca.pt",
        ),
    ],
)
def test_files_of_every_kind_of_part_belong_to_the_identity(
    spec: RunSpec, change: dict[str, object], file: str
) -> None:
    spec = replace(spec, **{"schemes": ("toy_parts:plain",), **change})
    (files,) = prepare(spec).files.values()
    assert [Path(path).name for path in files] == [file]


def test_built_in_parts_read_no_files_of_their_own(spec: RunSpec) -> None:
    builtin = replace(spec, schemes=("perfect", "jpeg-ldpc-bpsk"), channel="cdl-a")
    assert list(prepare(builtin).files.values()) == [{}, {}]


def test_workers_count_the_same_files(spec: RunSpec, tmp_path: Path) -> None:
    spec = replace(
        spec,
        schemes=("reading_parts:seen", "reading_parts:declared"),
        channel="reading_parts:Table",
    )
    inline, _ = into(spec, tmp_path / "inline")
    workers, _ = into(spec, tmp_path / "local", engine=Engine("local", workers=2))
    assert workers.images.equals(inline.images)
    assert sorted(workers.names.values()) == sorted(inline.names.values())
    assert {Path(path).name for path in workers.files} == {"pca.pt", "table.json"}


def test_a_file_that_is_first_read_in_use_is_named(
    spec: RunSpec, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = replace(spec, schemes=("reading_parts:late",))
    with caplog.at_level(logging.WARNING, "simulator"):
        result, _ = into(spec, tmp_path / "run")
    assert result.files == {}
    (line,) = [r.getMessage() for r in caplog.records if "while it is used" in r.getMessage()]
    assert line.startswith(f"reading_parts reads {tmp_path}/files/pca.pt while it is used")
    assert "declare it in `files`" in line


def test_workers_have_the_environment_of_the_run(
    spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fork server keeps that of the first run of a process, as a notebook has several."""
    spec = replace(spec, schemes=("toy_parts:plain",), channel="reading_parts:Environment")
    for gain in ("1", "0.01", ""):
        monkeypatch.setenv("READING_PARTS_GAIN", gain)
        if not gain:
            monkeypatch.delenv("READING_PARTS_GAIN")
        inline, _ = into(spec, tmp_path / f"inline {gain}")
        local, _ = into(spec, tmp_path / f"local {gain}", engine=Engine("local", workers=2))
        assert local.images.equals(inline.images)


@pytest.mark.parametrize("images", [16384, 16])
def test_a_file_that_was_read_late_and_has_changed_is_computed_again(
    spec: RunSpec, tmp_path: Path, caplog: pytest.LogCaptureFixture, images: int
) -> None:
    spec, out = replace(spec, schemes=("reading_parts:late",)), tmp_path / "run"
    options = {"engine": Engine(cell_images=images)}
    assert into(spec, out, **options)[1]
    assert not into(spec, out, **options)[1]
    torch.save(torch.tensor(0.0001), "files/pca.pt")
    with caplog.at_level(logging.WARNING, "simulator"):
        assert into(spec, out, **options)[1]
    assert "2 points are computed again: file pca.pt has changed" in caplog.text
    assert not into(spec, out, **options)[1]


CHANNEL = """
from functools import lru_cache
from pathlib import Path
from toy_parts import Rayleigh

@lru_cache
def kept():
    return float(Path("files/table.json").read_text())

{at_import}

class Own(Rayleigh):
    def __init__(self, unused=0):
        super().__init__()
        {when_made}

    def draw(self, streams, uses, state):
        h, state = super().draw(streams, uses, state)
        return h * {gain}, state
"""


@pytest.mark.parametrize(
    ("at_import", "when_made", "gain", "imported_before"),
    [
        ("GAIN = kept()", "", "GAIN", False),
        ("GAIN = kept()", "", "GAIN", True),
        ("", "self.gain = kept()", "self.gain", False),
        ("", "", "kept()", False),
    ],
)
def test_an_older_file_in_the_memory_of_the_process_is_refused(
    spec: RunSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at_import: str,
    when_made: str,
    gain: str,
    imported_before: bool,
) -> None:
    """In a notebook the part holds what it once read, while the identity has the file's new hash."""
    text = CHANNEL.format(at_import=at_import, when_made=when_made, gain=gain)
    (tmp_path / "keeps_its_file.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "keeps_its_file", raising=False)
    if imported_before:  # by the user, outside of a run
        importlib.import_module("keeps_its_file")
    spec = replace(spec, schemes=("toy_parts:plain",), channel="keeps_its_file:Own")
    other = replace(spec, channel_args=(("unused", 1),))
    for one in (spec, other):
        assert into(one, tmp_path / "run")[1] == 2
        assert into(one, tmp_path / "run")[1] == 0
    Path("files/table.json").write_text("0.01")
    for one in (spec, other):  # the second run has never opened the file
        with pytest.raises(ValueError, match=r"table.json has changed since this process read it"):
            into(one, tmp_path / "run")
    importlib.reload(sys.modules["keeps_its_file"])
    assert into(spec, tmp_path / "run")[1] == 2


def test_a_declared_file_must_exist(spec: RunSpec) -> None:
    with pytest.raises(ValueError, match=r"scheme reading_parts:missing: files has .*nothing.pt"):
        prepare(replace(spec, schemes=("reading_parts:missing",)))


@pytest.mark.parametrize(
    ("scheme", "ok", "found"),
    [
        ("seen", None, "not declared, but counted"),
        ("declared", True, "pca.pt"),
        ("late", False, "not declared, and read only while the part is used"),
    ],
)
def test_the_check_reports_files(spec: RunSpec, scheme: str, ok: bool | None, found: str) -> None:
    report = check_scheme(
        f"reading_parts:{scheme}", {}, spec.data, weights=spec.weights, bandwidth_hz=4e6
    )
    (finding,) = [finding for finding in report.findings if finding.what == "files"]
    assert finding.ok is ok
    assert found in finding.found
    assert "pca.pt" in finding.found


def test_the_check_of_a_channel_reports_files(spec: RunSpec) -> None:
    (finding,) = [f for f in check_channel("reading_parts:Table").findings if f.what == "files"]
    assert finding.ok is None
    assert "table.json" in finding.found


def test_a_module_that_reads_while_it_is_imported(
    spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = (
        "from pathlib import Path\nfrom toy_parts import Rayleigh\n"
        "GAIN = Path('files/table.json').read_text()\nclass Own(Rayleigh): pass\n"
    )
    (tmp_path / "reads_at_import.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    own = replace(spec, schemes=("toy_parts:plain",), channel="reads_at_import:Own")
    for _ in range(2):  # it is imported once, and read by both runs
        (files,) = prepare(own).files.values()
        assert [Path(path).name for path in files] == ["table.json"]


def test_files_that_the_part_has_written_itself_do_not_count(tmp_path: Path) -> None:
    with Reading().active() as found:
        (tmp_path / "temporary.txt").write_text("1")
        (tmp_path / "temporary.txt").read_text()
    assert found.paths == ()
