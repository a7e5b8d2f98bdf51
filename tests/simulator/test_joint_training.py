"""`simulate train --reading encoder=joint`: a scheme with an encoder of its own, and its run."""

import csv
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import simulator.training.command
from semantic.data.opening import open_dataset
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.training.encoder import EncoderRecipe
from semantic.training.loop import LinkRecipe
from semantic.training.performers import PerformersRecipe
from semantic.weights.files import file_hash, read_weights, save_weights
from simulator.cli import main
from simulator.training.presets import Preset


def tiny(images: int) -> dict[str, Preset]:
    encoder = EncoderRecipe(vehicles_per_batch=4, images_per_vehicle=2)
    link = LinkRecipe(1, 1, 1, vehicles_per_batch=4, images_per_vehicle=2, fde_features=16)
    performers = PerformersRecipe(vehicles_per_batch=4)
    return {"synthetic": Preset(32, 4e6, "combine", encoder, performers, link, True, 1)}


@pytest.mark.integration
def test_a_scheme_has_its_own_encoder_and_runs(
    folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulator.training.command, "presets", tiny)
    train, weights, given = (
        tmp_path / "train",
        tmp_path / "weights",
        tmp_path / "encoder.safetensors",
    )
    shutil.copytree(folder_data, train)
    with (train / "labels.csv").open() as file:
        rows = [{**row, "split": "train"} for row in csv.DictReader(file)]
    with (train / "labels.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    images_hash = open_dataset(str(train), "train").images_hash()
    config = {"identities": 8, "image_size": 32, "images_sha256": images_hash}
    save_weights(given, MultiTaskNetwork(8), config)
    line = ["train", "--data", str(train), "--encoder", str(given), "--out", str(weights)]
    line += ["--scheme", "smsc-fir", "--device", "cpu", "--reading", "encoder=joint"]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 0, result.output
    own = weights / "smsc-fir"
    assert f"use it as --weights {own} --scheme smsc-fir" in result.output
    state, config = read_weights(own / "encoder.safetensors")
    before, _ = read_weights(given)
    assert any(
        not torch.equal(value, before[name]) for name, value in state.items() if "conv" in name
    )
    _, about = read_weights(own / "smsc-fir.safetensors")
    assert about["reading"] == {"encoder": "joint"}
    assert about["encoder_sha256"] == file_hash(own / "encoder.safetensors")
    made = (own / "smsc-fir.safetensors").stat().st_mtime_ns
    assert CliRunner().invoke(main, line).exit_code == 0
    assert (own / "smsc-fir.safetensors").stat().st_mtime_ns == made
    run = ["--snr", "0", "--data", str(folder_data), "--weights", str(own), "--scheme", "smsc-fir"]
    result = CliRunner().invoke(main, [*run, "--out", str(tmp_path / "out"), "--quiet"])
    assert result.exit_code == 0, result.output
    result = CliRunner().invoke(main, [*line, "--scheme", "semharq-plus"])
    assert result.exit_code == 2
    assert "reading encoder=joint is not for scheme 'semharq-plus'" in result.stderr
