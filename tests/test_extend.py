"""docs/extend.md, run: its files through `simulate` and `simulate check`."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import simulator
from semantic.data.opening import open_dataset
from simulator.cli import main

pytestmark = pytest.mark.integration

HOME = Path(simulator.__path__[0]).parent
EXAMPLES = HOME / "docs" / "examples"
MINE = ("my_channel", "my_scheme", "my_harq", "my_partial", "my_data", "my_codec", "my_encoder")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="simulate")


@pytest.fixture
def here(tmp_path: Path, folder_data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's directory: the files, and images with annotations of their own kind."""
    for name in MINE:
        shutil.copy(EXAMPLES / f"{name}.py", tmp_path)
    images = open_dataset(str(folder_data))
    (tmp_path / "cars").mkdir()
    rows = []
    for i, file in enumerate(images.files):
        (tmp_path / "cars" / file.name).write_bytes(images.read(i))
        rows.append(
            {
                "file": file.name,
                "car": int(images.vehicle[i]),
                "camera": int(images.camera[i]),
                "color": images.colors[images.color[i]],
                "type": "spaceship",
                "use": "query" if images.is_query[i] else "gallery",
            }
        )
    (tmp_path / "cars" / "annotations.json").write_text(json.dumps(rows))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in MINE:  # another test may have imported those of docs/examples
        sys.modules.pop(name, None)
    yield tmp_path
    for name in (*MINE, "bad"):
        sys.modules.pop(name, None)


def point(out: Path, metric: str) -> pd.Series:
    curve = pd.read_csv(out / "curve.csv")
    return curve[curve["metric"] == metric].iloc[0]


def test_a_channel_a_scheme_and_a_data_set_of_ones_own_run(here: Path, tiny_weights: Path) -> None:
    result = run(
        *("--scheme", "my_scheme:thumbnail,perfect", "--channel", "my_channel:SlowRayleigh"),
        *("--channel-arg", "correlation=0.5", "--data", "my_data:cars", "--snr", "20"),
        *("--scheme-arg", "most_side=24", "--images", 20, "--weights", tiny_weights),
        *("--out", "out", "--quiet"),
    )
    assert result.exit_code == 0, result.output
    curve = pd.read_csv("out/curve.csv")
    assert set(curve["scheme"]) == {"my_scheme:thumbnail", "perfect"}
    assert set(curve["channel"]) == {"my_channel:SlowRayleigh(correlation=0.5)"}
    assert point(here / "out", "channel_uses")["value"] == 3 * 24 * 24 / 2
    assert point(here / "out", "type_accuracy")["n"] == 0  # nobody knows a spaceship
    assert point(here / "out", "color_accuracy")["n"] == 20
    again = run("--spec", "out/run.json", "--trust", "--out", "again", "--quiet")
    assert again.exit_code == 0, again.output
    assert Path("out/curve.csv").read_bytes() == Path("again/curve.csv").read_bytes()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("my_channel:SlowRayleigh", "channel"),
        ("my_scheme:thumbnail", "scheme"),
        ("my_harq:repeated", "scheme"),
        ("my_partial:Partial", "scheme"),
        ("my_data:cars", "data set"),
        ("my_codec:Cosines", "codec"),
        ("my_encoder:SmallCnn", "encoder"),
    ],
)
def test_each_passes_its_check(name: str, kind: str, here: Path, tiny_weights: Path) -> None:
    trial = ["--weights", tiny_weights, "--data", "my_data:cars"] if kind == "scheme" else []
    for budget in ("slots", "uses") if kind == "scheme" else ("slots",):
        result = run("check", name, *trial, "--budget", budget)
        assert result.exit_code == 0, result.output
        assert re.search(rf"{kind} {name}: \d+ checks hold", result.stdout)


def test_a_scheme_of_ones_own_retransmits(here: Path, tiny_weights: Path) -> None:
    result = run(
        *("--scheme", "my_harq:repeated", "--snr", "0,7,20", "--scheme-arg", "target_db=9"),
        *("--data", "my_data:cars", "--images", 20, "--weights", tiny_weights),
        *("--out", "out", "--quiet"),
    )
    assert result.exit_code == 0, result.output
    images = pd.read_parquet("out/images.parquet")
    assert (images["channel_uses"] == images["transmissions"] * 3 * 16 * 16 / 2).all()
    # The mean of |h|^2 over a burst is nearly 1: 4 transmissions of 0 dB have 6 dB, 2 of 7 dB 10.
    found = images.groupby("snr_db")[["transmissions", "stopped_by"]]
    assert {snr_db: set(map(tuple, rows.to_numpy())) for snr_db, rows in found} == {
        0.0: {(4, "nack")},
        7.0: {(2, "target reached")},
        20.0: {(1, "target reached")},
    }


def test_a_scheme_of_ones_own_retransmits_a_part(here: Path, tiny_weights: Path) -> None:
    result = run(
        *("--scheme", "my_partial:Partial", "--snr", "0,30", "--data", "my_data:cars"),
        *("--images", 20, "--weights", tiny_weights, "--out", "out", "--quiet"),
    )
    assert result.exit_code == 0, result.output
    images = pd.read_parquet("out/images.parquet")
    noisy, clean = images[images["snr_db"] == 0], images[images["snr_db"] == 30]
    assert (noisy["transmissions"] > 1).all()
    assert (noisy["channel_uses"] < 512 * noisy["transmissions"]).all()
    assert (clean["channel_uses"] < 512 + 10).all()  # |h|^2 < 0.001 is rare
    assert (images["side_information_bits"] == 15 * images["transmissions"]).all()
    assert (abs(images["energy"] / images["channel_uses"] - 1) < 1e-3).all()


@pytest.mark.parametrize("budget", ["slots", "uses"])
def test_a_scheme_is_checked_with_the_budget_of_its_runs(
    budget: str, here: Path, tiny_weights: Path
) -> None:
    (here / "bad.py").write_text(
        "from my_scheme import thumbnail\n\n\ndef budgeted(networks):\n"
        f"    assert networks.spec.budget == {budget!r}\n    return thumbnail(networks)\n"
    )
    trial = ["--weights", tiny_weights, "--data", "my_data:cars", "--budget", budget]
    result = run("check", "bad:budgeted", *trial)
    assert result.exit_code == 0, result.output
    refused = run("check", "bad:budgeted", *trial[:-1], "use")
    assert refused.exit_code == 2
    assert "budget 'use' is not allowed" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_codec_of_ones_own_carries_the_images(here: Path, tiny_weights: Path) -> None:
    arguments = (
        *("--scheme", "jpeg-ldpc-16qam-harq", "--channel", "awgn", "--snr", 20, "--images", 10),
        *("--data", "my_data:cars", "--weights", tiny_weights, "--quiet"),
    )
    bits = {}
    for codec in ("jpeg", "my_codec:Cosines"):
        out = codec.partition(":")[0]
        result = run(*arguments, "--scheme-arg", f"codec={codec}", "--out", out)
        assert result.exit_code == 0, result.output
        assert point(Path(out), "bler_1")["value"] == 0
        bits[codec] = point(Path(out), "information_bits")["value"]
    assert bits["jpeg"] != bits["my_codec:Cosines"]
    # What the file says has a say in the numbers: another one, and the points are computed anew.
    resumed = (*arguments, "--scheme-arg", "codec=my_codec:Cosines", "--out", "my_codec")
    before = sorted(path.name for path in Path("my_codec/cells").iterdir())
    text = Path("my_codec.py").read_text().replace("return 4 *", "return 9 *")
    Path("my_codec.py").write_text(text)
    sys.modules.pop("my_codec")
    assert run(*resumed).exit_code == 0
    assert sorted(path.name for path in Path("my_codec/cells").iterdir()) != before
    assert point(Path("my_codec"), "information_bits")["value"] < bits["my_codec:Cosines"]


def test_a_codec_that_breaks_its_contract_is_named(here: Path, tiny_weights: Path) -> None:
    (here / "bad.py").write_text(
        "from simulator.source_codec import SourceCodec\n\n\nclass Bad(SourceCodec):\n"
        "    def encode(self, pixels, quality):\n        return pixels.tobytes()[:100]\n\n"
        "    def decode(self, data, size):\n        return int(data[200])\n"
    )
    arguments = ["--data", "my_data:cars", "--weights", tiny_weights, "--images", 10, "--quiet"]
    scheme = ["--scheme", "jpeg-ldpc-bpsk", "--snr", 20, "--scheme-arg", "codec=bad:Bad"]
    result = run(*scheme, *arguments, "--out", "out")
    assert result.exit_code != 0
    assert "codec bad:Bad: decode raised IndexError" in result.stderr
    assert run("check", "bad:Bad").exit_code == 1
    refused = run(*scheme[:-1], "codec=my_codec:Cosine", *arguments, "--out", "out")
    assert refused.exit_code == 2
    assert "nearest: 'Cosines'" in refused.stderr


def test_what_the_examples_refuse_is_one_line(here: Path, tiny_weights: Path) -> None:
    (here / "bad.py").write_text("def cars(split):\n    return []\n\n\nimport no_such_package\n")
    given = ["--snr", 0, "--weights", tiny_weights, "--out", "out", "--scheme", "perfect"]
    data = ["--data", "my_data:cars"]
    for arguments, message in (
        (["--channel", "my_channel:SlowRaleigh", *data], "nearest: 'SlowRayleigh'"),
        (
            ["--channel", "my_channel:SlowRayleigh", "--channel-arg", "correlation=2", *data],
            "channel SlowRayleigh: correlation 2.0 is not in [0, 1]",
        ),
        (["--channel", "my_chanel:SlowRayleigh", *data], "No module named 'my_chanel'"),
        (["--data", "my_data:card"], "module my_data has no 'card'; nearest: 'cars'"),
        (["--data", "my_data:label"], "must be a function of the split"),
        (["--data", "bad:cars"], "No module named 'no_such_package'"),
    ):
        result = run(*given, *arguments)
        assert result.exit_code == 2, result.output
        assert message in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_a_data_set_without_answers_is_refused(here: Path) -> None:
    rows = json.loads(Path("cars/annotations.json").read_text())
    kept = [row for row in rows if row["use"] == "query" or row["car"] > 0]
    Path("cars/annotations.json").write_text(json.dumps(kept))
    with pytest.raises(ValueError, match="my_data:cars: no gallery image of vehicle 0"):
        open_dataset("my_data:cars")
    assert run("check", "my_data:cars").exit_code == 1
    Path("my_data.py").write_text("def cars(split):\n    return []\n")
    sys.modules.pop("my_data")
    with pytest.raises(
        ValueError, match=r"'my_data:cars' gave a list, it must be a .*VehicleImages"
    ):
        open_dataset("my_data:cars")


def test_a_channel_that_gives_nonsense_is_named(here: Path, tiny_weights: Path) -> None:
    (here / "bad.py").write_text(
        "from phy.channel import Channel\n\n\nclass Nan(Channel):\n"
        "    def draw(self, streams, uses, state):\n"
        "        return streams.complex_normal(uses) * float('nan'), None\n"
    )
    tiny = ["--data", "my_data:cars", "--weights", tiny_weights, "--images", 10]
    scheme = ["--scheme", "my_scheme:thumbnail", "--scheme-arg", "most_side=8", "--snr", 0]
    result = run(*scheme, "--channel", "bad:Nan", *tiny, "--out", "out", "--quiet")
    assert result.exit_code != 0
    assert "channel bad:Nan: draw gave h = (nan+nanj) in row 0, use 0" in result.stderr
    assert run("check", "bad:Nan").exit_code == 1


def test_entry_points_need_no_colon(here: Path, tiny_weights: Path) -> None:
    """As pip would leave them behind in the environment."""
    metadata = here / "my_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[semharq_sim.channels]\nslow-rayleigh = my_channel:SlowRayleigh\n"
        "[semharq_sim.schemes]\nthumbnail = my_scheme:thumbnail\n"
        "[semharq_sim.data]\ncars = my_data:cars\n"
        "[semharq_sim.codecs]\ncosines = my_codec:Cosines\n"
    )
    sys.path.append(str(here))
    listed = run("list").stdout.splitlines()
    for name, target in (
        ("slow-rayleigh", "my_channel:SlowRayleigh"),
        ("thumbnail", "my_scheme:thumbnail"),
        ("cars", "my_data:cars"),
        ("cosines", "my_codec:Cosines"),
    ):
        assert any(line.split() == [name, f"{target},", "installed"] for line in listed)
    shutil.move(here / "cars", here / "images")  # a directory of the name would come first
    text = Path("my_data.py").read_text().replace('/ "cars"', '/ "images"')
    Path("my_data.py").write_text(text)
    result = run(
        *("--scheme", "thumbnail", "--channel", "slow-rayleigh", "--data", "cars", "--snr", 5),
        *("--images", 10, "--weights", tiny_weights, "--scheme-arg", "most_side=8"),
        *("--out", "out", "--quiet"),
    )
    assert result.exit_code == 0, result.output
    assert set(pd.read_csv("out/curve.csv")["channel"]) == {"slow-rayleigh"}
    assert run("check", "slow-rayleigh").exit_code == 0
    assert run("check", "cosines").exit_code == 0
    refused = run("--scheme", "perfect", "--channel", "slow-raleigh")
    assert refused.exit_code == 2
    assert "nearest: 'slow-rayleigh'" in refused.stderr


def test_a_console_script_finds_what_lies_in_the_current_directory(here: Path) -> None:
    """-P: without the current directory on the path, as a script in bin/ starts."""
    command = [sys.executable, "-P", "-c", "from simulator.cli import main; main()"]
    environment = {**os.environ, "PYTHONPATH": str(HOME)}
    found = subprocess.run(
        [*command, "check", "my_data:cars"],
        capture_output=True,
        text=True,
        cwd=here,
        env=environment,
        timeout=300,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert "data set my_data:cars: 8 checks hold" in found.stdout
