"""`simulate train` from pictures to weights that `simulate` takes."""

import csv
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import simulator.training
from semantic.training.encoder import EncoderRecipe
from semantic.training.link import LinkRecipe
from semantic.training.performers import PerformersRecipe
from simulator.cli import main
from simulator.presets import Preset, presets


@pytest.fixture
def training_pictures(folder_data: Path, tmp_path: Path) -> Path:
    root = tmp_path / "train"
    shutil.copytree(folder_data, root)
    with (root / "labels.csv").open() as file:
        rows = [{**row, "split": "train"} for row in csv.DictReader(file)]
    with (root / "labels.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return root


def tiny(images: int) -> dict[str, Preset]:
    encoder = EncoderRecipe(phases=((32, 2),), vehicles_per_batch=4, images_per_vehicle=2)
    performers = PerformersRecipe(steps=2, vehicles_per_batch=4, images_per_vehicle=2)
    link = LinkRecipe(1, 1, 1, vehicles_per_batch=4, images_per_vehicle=2, fde_features=16)
    return {"synthetic": Preset(32, 4e6, "combine", encoder, performers, link)}


def test_train_then_simulate(
    training_pictures: Path, folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulator.training, "presets", tiny)
    runner, weights = CliRunner(), tmp_path / "weights"
    train = ["train", "--data", str(training_pictures), "--out", str(weights), "--device", "cpu"]
    result = runner.invoke(main, train)
    assert result.exit_code == 0, result.output
    made = {path.name: path.stat().st_mtime_ns for path in weights.glob("*.safetensors")}
    assert {"encoder.safetensors", "semharq.safetensors"} <= made.keys()
    # once more: everything is there, nothing is made again
    assert runner.invoke(main, train).exit_code == 0
    assert made == {path.name: path.stat().st_mtime_ns for path in weights.glob("*.safetensors")}
    run = ["--snr", "0", "--data", str(folder_data), "--weights", str(weights), "--quiet"]
    result = runner.invoke(main, [*run, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output


def test_a_scheme_without_weights_of_its_own_is_not_trained(
    training_pictures: Path, tmp_path: Path
) -> None:
    line = ["train", "--data", str(training_pictures), "--out", str(tmp_path / "w")]
    result = CliRunner().invoke(main, [*line, "--scheme", "perfect"])
    assert result.exit_code == 2
    assert "scheme 'perfect' is not trained; allowed: semharq, " in result.stderr


def test_paper_preset_counts_epochs_of_its_data() -> None:
    paper = presets(37_778)["paper"]  # VeRi-776's training set: 1181 batches of 32
    assert paper.encoder.steps == 40 * 1181
    link = paper.link
    assert (link.fde_steps, link.complete_steps, link.selected_steps) == (
        *(30 * 1181, 40 * 1181, 65 * 1181),
    )
    assert paper.image_size == 256
    assert paper.buffer == "concatenate"
