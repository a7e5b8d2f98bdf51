"""`simulate doctor`: it finds what is missing and says how to get it; one error hides no other."""

import json
import shutil
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import CliRunner, Result

from semantic.link.protocol import LEARNED, SINGLE_TASK
from semantic.plus.variants import VARIANTS
from semantic.weights.deepjscc import deepjscc_file
from semantic.weights.stored import PRETRAINED
from semantic.weights.vq import VQ
from simulator.checks import installation
from simulator.checks.installation import Finding
from simulator.cli import main
from simulator.training.own_scheme import OWN_LOSS

pytestmark = pytest.mark.integration  # it looks at the shipped weights

TOPICS = ["programs", "devices", "threads", "caches", "weights", "figures", "optional"]


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments], prog_name="simulate")


def test_a_sound_installation_is_one_json_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SEMHARQ_CACHE", "NUMBA_CACHE_DIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "SEMHARQ_CACHE" / f"encoded-{'0' * 32}.safetensors").write_bytes(bytes(2**20))
    (tmp_path / "SEMHARQ_CACHE" / "not-ours.txt").write_bytes(bytes(2**20))
    (tmp_path / "NUMBA_CACHE_DIR" / "kernel.nbc").write_bytes(bytes(3 * 2**20))
    result = call("--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert found["ok"] is True
    assert list(dict.fromkeys(finding["topic"] for finding in found["findings"])) == TOPICS
    values = {finding["name"]: finding["value"] for finding in found["findings"]}
    assert values["encoder"].startswith("1 file, 1.0 MiB, at most 4 GiB, in ")
    assert values["numba"].startswith("1 file, 3.0 MiB in ")
    assert values["package"].startswith("16 files, ")
    assert values["test images"] == "2900 images of synthetic"
    assert "torch" in values
    missing = [finding for finding in found["findings"] if finding["state"] != "ok"]
    assert all(finding["hint"] for finding in missing)


def test_damaged_weights_and_an_old_library_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in PRETRAINED.glob("*.safetensors"):
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "semharq.safetensors").unlink()
    (tmp_path / "encoder.safetensors").unlink()
    shutil.copy(PRETRAINED / "ik-s-harq.safetensors", tmp_path / "encoder.safetensors")
    with (tmp_path / "encoder.safetensors").open("r+b") as file:
        file.truncate(1000)
    monkeypatch.setattr("semantic.weights.stored.PRETRAINED", tmp_path)
    version = installation.version
    monkeypatch.setattr(
        installation, "version", lambda name: "1.0" if name == "torch" else version(name)
    )
    result = call()
    assert result.exit_code == 1
    failed = [line.split()[0] for line in result.stdout.splitlines() if " fails: " in line]
    assert failed == ["torch", "encoder.safetensors", "semharq.safetensors"]
    assert "-> pip install 'torch>=2.6'" in result.stdout


def test_a_library_that_cannot_be_imported_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(installation, "weights", lambda: iter(()))
    found = list(installation.findings())
    (failed,) = (finding for finding in found if finding.state == "fails")
    assert failed.topic == "threads"
    assert failed.value.startswith("ModuleNotFoundError: ")
    assert {finding.topic for finding in found} == {*TOPICS} - {"weights"}


def test_a_package_that_runs_from_its_folder_fails_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> NoReturn:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installation, "distribution", absent)
    found = [*installation.programs(), *installation.optional()]
    assert [each.name for each in found if each.state != "ok"] == ["semharq-sim"]


def test_what_is_optional_is_missing_and_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    monkeypatch.setattr("PIL.features.check", lambda name: name != "avif")
    found = {finding.name: finding for finding in installation.optional()}
    assert found["EGL"] == Finding(
        "optional",
        "EGL",
        "not found: nothing can be rendered",
        "missing",
        "apt-get install libegl1 libgl1-mesa-dri",
    )
    assert found["avif"].state == "missing"
    assert "fails" not in {finding.state for finding in found.values()}


def test_the_font_that_is_missing_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "SERIF", ("No Such Font", "STIXGeneral"))
    found = {finding.name: finding for finding in installation.fonts()}
    assert found["serif"].state == "missing"
    assert found["serif"].value == "No Such Font; STIXGeneral takes its place"


def test_every_file_of_weights_is_looked_at_and_every_other_scheme_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file that cannot be read is found, whichever it is; schemes without one are named."""
    looked: list[str] = []
    monkeypatch.setattr(
        "semantic.weights.files.read_weights", lambda file: looked.append(file.stem)
    )
    found = [one for one in installation.weights() if one.state == "missing"]
    assert sorted(looked) == sorted(file.stem for file in PRETRAINED.glob("*.safetensors"))
    own = (*LEARNED, *VARIANTS, *OWN_LOSS, VQ, deepjscc_file(10).split(".")[0], SINGLE_TASK)
    assert sorted(one.name for one in found) == sorted(n for n in own if n not in looked)
    assert all(f"--scheme {one.name} " in one.hint for one in found)
