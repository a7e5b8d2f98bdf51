"""`simulate train --encoder`: an encoder of the same images is copied, of others it is fitted."""

import csv
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from test_training_command import tiny, training_images

import simulator.training.command
from semantic.data.opening import open_dataset
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.weights.files import file_hash, read_weights, save_weights
from simulator.cli import main
from simulator.training.given_encoder import BACKBONE_OF, take_encoder
from simulator.training.stage import Stage

__all__ = ["training_images"]  # a fixture
pytestmark = pytest.mark.integration

KNOWN_HEADS = ("performers.performers.1.weight", "performers.performers.2.weight")
VEHICLES_LEFT = 6


@pytest.fixture(autouse=True)
def tiny_presets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator.training.command, "presets", tiny)


@pytest.fixture(scope="module")
def other_images(training_images: Path) -> Path:
    """A training set with fewer vehicles."""
    root = training_images.parent / "fewer" / "train"
    shutil.copytree(training_images, root)
    with (root / "labels.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if int(row["vehicle"]) < VEHICLES_LEFT]
    with (root / "labels.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return root


def train(images: Path, out: Path, *options: object, scheme: str = "rt-s-harq") -> Result:
    line = ["train", "--data", images, "--out", out, "--scheme", scheme, "--device", "cpu"]
    return CliRunner().invoke(main, [str(a) for a in (*line, *options)])


def encoder_of(images: Path, out: Path, seed: int) -> Path:
    """Writes an untrained encoder whose classes are the vehicles of some images."""
    torch.manual_seed(seed)
    known = open_dataset(str(images), "train")
    config = {"identities": 8, "image_size": 32, "images_sha256": known.images_hash()}
    out.mkdir()
    save_weights(out / "encoder.safetensors", MultiTaskNetwork(8), config)
    return out


@pytest.fixture(scope="module")
def first(training_images: Path) -> Path:
    return encoder_of(training_images, training_images.parent / "first", seed=0)


@pytest.fixture(scope="module")
def fitted(other_images: Path, first: Path) -> tuple[Result, Path]:
    """What a training behind an encoder of other images shows, and its weights."""
    out = first.parent / "fitted"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulator.training.command, "presets", tiny)
        return train(other_images, out, "--encoder", first), out


def test_an_encoder_of_the_same_images_is_copied(
    training_images: Path, first: Path, tmp_path: Path
) -> None:
    again = train(training_images, tmp_path, "--encoder", first)
    assert again.exit_code == 0, again.output
    assert "fitted" not in again.output
    assert file_hash(tmp_path / "encoder.safetensors") == file_hash(first / "encoder.safetensors")


def test_an_encoder_of_other_images_learns_their_vehicles_and_keeps_its_backbone(
    first: Path, fitted: tuple[Result, Path]
) -> None:
    done, out = fitted
    assert done.exit_code == 0, done.output
    assert "was trained on other images: its task performers are fitted to those of --data" in (
        done.output
    )
    given = first / "encoder.safetensors"
    before, _ = read_weights(given)
    after, config = read_weights(out / "encoder.safetensors")
    backbone = [name for name in before if name.startswith("encoder.")]
    assert backbone
    assert all(torch.equal(before[name], after[name]) for name in backbone)
    for name in KNOWN_HEADS:  # color and type go on from what they were, in a few small steps
        change = (after[name] - before[name]).norm() / before[name].norm()
        assert 0 < change < 0.2, name
    assert config["identities"] == VEHICLES_LEFT
    assert config[BACKBONE_OF] == file_hash(given)
    link = read_weights(out / "rt-s-harq.safetensors")[1]
    assert link["encoder_sha256"] == file_hash(out / "encoder.safetensors")


def test_it_is_fitted_once_and_never_exchanged(
    training_images: Path,
    other_images: Path,
    first: Path,
    fitted: tuple[Result, Path],
    tmp_path: Path,
) -> None:
    out = fitted[1]
    made = {path: path.stat().st_mtime_ns for path in out.glob("*.safetensors")}
    again = train(other_images, out, "--encoder", first)
    assert again.exit_code == 0, again.output
    others = train(training_images, out, "--encoder", first)
    assert others.exit_code == 2
    assert "knows the vehicles of other images than --data: give another --out" in others.stderr
    another = encoder_of(training_images, tmp_path / "another", seed=1)
    exchanged = train(other_images, out, "--encoder", another)
    assert exchanged.exit_code == 2
    assert "is another encoder than" in exchanged.stderr
    # A scheme that compares no vehicles takes whichever encoder of that file is there.
    take_encoder(first, Stage(out, tiny(40)["synthetic"], (), "cpu", print), None)
    assert made == {path: path.stat().st_mtime_ns for path in out.glob("*.safetensors")}
