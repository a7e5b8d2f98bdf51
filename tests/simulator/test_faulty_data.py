"""Runs over faulty data: what counts, what is named, and what the headline says."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from semantic.data.opening import open_dataset
from semantic.weights.stored import PRETRAINED
from simulator.cli import main
from simulator.commands.run import PROBLEMS_SHOWN
from simulator.commands.terminal import headline
from simulator.encoded_dataset import CHUNK
from simulator.setup.prepare import prepare
from simulator.spec import SYNTHETIC_BANDWIDTH_HZ, RunSpec
from simulator.sweeps.sweep import run_spec

pytestmark = pytest.mark.draws  # a figure of faulty data must be drawn, too


def spec(data: Path | str, weights: Path | None, **more: object) -> RunSpec:
    options = {"schemes": ("perfect",), "snr_db": (0.0,), **more}
    where = None if weights is None else str(weights)
    return RunSpec(data=str(data), weights=where, device="cpu", **options)  # type: ignore[arg-type]


def run(data: Path, weights: Path, out: Path) -> tuple[str, dict[str, object]]:
    """Stderr and run.json of a run on the command line."""
    line = ["--scheme", "perfect", "--snr", "0", "--data", str(data), "--weights", str(weights)]
    result = CliRunner().invoke(main, [*line, "--out", str(out), "--engine", "inline", "--quiet"])
    assert result.exit_code == 0, result.output
    return result.stderr, json.loads((out / "run.json").read_text())


def plain(color: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 32), color).save(path)


def test_two_cars_and_six_images_of_unknown_vehicles(tmp_path: Path, tiny_weights: Path) -> None:
    """2 queries and rank-1 of 100 %; as an identity, the six would be three more queries."""
    rows = [(1, 1, "red"), (1, 2, "red"), (2, 1, "blue"), (2, 2, "blue")]
    rows += [(-1, camera, paint) for camera in (1, 2) for paint in ("red", "blue", "green")]
    text = "file,vehicle,camera\n"
    for i, (vehicle, camera, paint) in enumerate(rows):
        plain(paint, tmp_path / f"{i}.png")
        text += f"{i}.png,{vehicle},{camera}\n"
    (tmp_path / "labels.csv").write_text(text)
    result = run_spec(spec(tmp_path, tiny_weights))
    points = result.curve.set_index("metric")
    assert points.loc["rank1", "n"] == points.loc["mAP", "n"] == 2
    assert points.loc["rank1", "value"] == points.loc["mAP", "value"] == 100
    assert "the vehicle of 6 images is unknown" in headline(prepare(result.spec))


@pytest.mark.integration
def test_hundreds_of_damaged_files_are_each_named(tmp_path: Path, tiny_weights: Path) -> None:
    """A whole chunk of junk stands before the good images."""
    data = tmp_path / "data"
    for vehicle in range(2):
        for camera in range(2):
            plain("red", data / f"{9000 + vehicle}_c00{camera}_1.png")
    for i in range(CHUNK):
        (data / f"{i:04d}_c000_1.jpg").write_bytes(b"junk")
    (data / "notes.txt").write_text("x")
    stderr, record = run(data, tiny_weights, tmp_path / "out")
    problems = record["unreadable_images"]
    assert len(problems) == CHUNK + 1  # type: ignore[arg-type]
    assert problems[0] == "1 files without the suffix of an image: notes.txt"  # type: ignore[index]
    named = {problem.split(":")[0] for problem in problems[1:]}  # type: ignore[index]
    assert named == {f"{i:04d}_c000_1.jpg" for i in range(CHUNK)}
    assert record["images"] == 4
    lines = [line for line in stderr.splitlines() if "left out" in line]
    assert len(lines) == PROBLEMS_SHOWN + 1
    assert f"{CHUNK + 1 - PROBLEMS_SHOWN} more, all named in" in lines[-1]


@pytest.mark.integration
def test_missing_damaged_and_oddly_named_files(tmp_path: Path, tiny_weights: Path) -> None:
    for camera in range(4):
        plain("red", tmp_path / f"data/0001_c00{camera}_1.png")
    plain("red", tmp_path / "x.png")
    os.rename(tmp_path / "x.png", os.fsencode(tmp_path) + b"/data/0001_c005_\xba.png")  # noqa: PTH104
    (tmp_path / "data/0001_c003_1.png").unlink()
    (tmp_path / "data/0001_c003_1.png").symlink_to("nowhere")
    (tmp_path / "data/0001_c002_1.png").write_bytes(b"")
    _, record = run(tmp_path / "data", tiny_weights, tmp_path / "out")
    assert record["images"] == 3
    assert record["unreadable_images"] == [
        "0001_c003_1.png: cannot be read: no regular file is there",
        "0001_c002_1.png: empty file",
    ]


@pytest.mark.integration
def test_the_headline_names_another_bandwidth_and_other_images(tmp_path: Path) -> None:
    for camera in range(2):
        plain("red", tmp_path / f"0001_c00{camera}_1.png")
    text = headline(prepare(spec(tmp_path, None, schemes=("semharq", "perfect"))))
    assert "note: W is 20 MHz, the weights of semharq were trained for 3 MHz" in text
    assert "note: the weights were trained on rendered vehicles and 754 photographs" in text
    text = headline(
        prepare(spec(tmp_path, None, schemes=("semharq",), bandwidth_hz=SYNTHETIC_BANDWIDTH_HZ))
    )
    assert "note: W" not in text
    assert "note:" not in headline(prepare(spec("synthetic", None, schemes=("semharq",))))


def with_config(weights: Path, to: Path, **more: object) -> Path:
    """A copy of weights whose encoder's config says more."""
    shutil.copytree(weights, to)
    path = to / "encoder.safetensors"
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    config = {**json.loads(metadata["config"]), **more}
    save_file(load_file(path), path, {**metadata, "config": json.dumps(config)})
    return to


@pytest.mark.integration
def test_the_headline_names_a_link_of_another_encoder(tmp_path: Path) -> None:
    weights = tmp_path / "first"
    weights.mkdir()
    for name in ("encoder", "semharq"):
        shutil.copy(PRETRAINED / f"{name}.safetensors", weights)
    line = "semharq.safetensors was trained behind another encoder than the encoder.safetensors"
    assert line not in headline(prepare(spec("synthetic", weights, schemes=("semharq", "perfect"))))
    other = with_config(weights, tmp_path / "second", retrained=True)
    text = headline(prepare(spec("synthetic", other, schemes=("semharq", "perfect"))))
    assert text.count(line) == 1


@pytest.mark.integration
def test_the_headline_names_the_images_of_the_training(
    folder_data: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    data = open_dataset(str(folder_data))
    weights = with_config(tiny_weights, tmp_path / "a", data="veri")
    text = headline(prepare(spec(folder_data, weights)))
    assert f"note: the encoder was trained on images of 'veri', these are of {data.name!r}" in text
    weights = with_config(
        tiny_weights, tmp_path / "b", data=data.name, images_sha256=data.images_hash()
    )
    text = headline(prepare(spec(folder_data, weights)))
    assert f"note: the weights were trained on these very images of {data.name}" in text
    weights = with_config(tiny_weights, tmp_path / "c", data=data.name, images_sha256="0" * 64)
    ready = prepare(spec(folder_data, weights))
    assert "note:" not in headline(ready)
    shifted = replace(data, color=np.roll(data.color, 2))
    text = headline(replace(ready, dataset=shifted))
    assert "of 8 vehicles have images of more than one color, the first is" in text
    assert "are the labels in the order of the files?" in text


@pytest.mark.parametrize("name", ["veri:veri", "veri:VeRi", "veri:a.b"])
def test_check_takes_veri_for_the_data_set_and_not_for_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["check", name])
    assert result.exit_code == 2
    assert f"simulate: {name[5:]}: no such directory" in result.stderr
    for part, camera in (("query", 1), ("test", 2)):
        plain("red", tmp_path / f"{name[5:]}/image_{part}/0001_c00{camera}_1.jpg")
    result = CliRunner(env={"COLUMNS": "120"}).invoke(main, ["check", name])
    assert result.exit_code == 0, result.output
    assert "1 queries, 1 other images of 1 vehicles" in result.output


def test_check_shows_what_is_left_out_and_unknown(tmp_path: Path) -> None:
    for vehicle, camera in ((1, 1), (1, 2), (-1, 2)):
        plain("red", tmp_path / f"{vehicle:04d}_c00{camera}_1.jpg")
    (tmp_path / "notes.txt").write_text("x")
    result = CliRunner(env={"COLUMNS": "200"}).invoke(main, ["check", str(tmp_path)])
    assert result.exit_code == 0, result.output
    words = " ".join(result.output.split())
    assert "1 queries, 2 other images of 1 vehicles" in words
    assert "1 images, which the ranking ignores" in words
    assert "notes.txt" in words


def test_check_of_an_unknown_home_is_one_line() -> None:
    result = CliRunner().invoke(main, ["check", "~nobody-of-this-name/x"])
    assert result.exit_code == 2
    assert result.stderr.startswith("simulate: ~nobody-of-this-name/x: ")


def test_check_of_a_function_that_fails_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fails_at_once.py").write_text("def data(split):\n    raise KeyError(split)\n")
    monkeypatch.syspath_prepend(tmp_path)
    for line in (["check", "fails_at_once:data"], ["--data", "fails_at_once:data", "--snr", "0"]):
        result = CliRunner().invoke(main, line)
        assert result.exit_code == 2
        assert (
            "data set 'fails_at_once:data' failed for the split 'test': KeyError" in result.stderr
        )
