"""The wheel, built from the sdist, in an environment of its own: `make dist` without downloads."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILD = "from setuptools.build_meta import build_sdist; build_sdist({!r})"

pytestmark = [pytest.mark.slow, pytest.mark.integration]


def run(*words: object, cwd: Path = ROOT) -> str:
    without = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    found = subprocess.run(
        [*map(str, words)], cwd=cwd, env=without, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_the_wheel_of_the_sdist_runs_beside_a_file_phy_of_the_user(tmp_path: Path) -> None:
    run(sys.executable, "-c", BUILD.format(str(tmp_path)))
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    (sdist,) = tmp_path.glob("*.tar.gz")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, sdist)
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    (wheel,) = tmp_path.glob("*.whl")
    run(*pip, "--python", python, "install", "--no-deps", wheel)
    place = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    )
    (place / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "phy.py").write_text("raise SystemExit('a file of the user is imported')")
    simulate = (tmp_path / "env" / "bin" / "simulate",)
    found = json.loads(run(*simulate, "doctor", "--json", cwd=tmp_path / "here"))
    assert found["ok"], found
    assert [each for each in found["findings"] if str(place) in each["value"]]
    words = ("--scheme", "perfect", "--snr", "0", "--images", "60", "--engine", "local")
    text = run(*simulate, *words, "--format", "json", "--quiet", cwd=tmp_path / "here")
    assert {point["scheme"] for point in json.loads(text)["curve"]} == {"perfect"}
