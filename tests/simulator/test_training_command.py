"""`simulate train` from images to weights that `simulate` takes."""

import csv
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner

import simulator.training.command
from semantic.losses import TASKS
from semantic.training.encoder import EncoderRecipe
from semantic.training.loop import LinkRecipe
from semantic.training.performers import PerformersRecipe
from semantic.weights.files import read_weights
from simulator.cli import main
from simulator.training.command import stages
from simulator.training.presets import PRINTED, Preset, presets

pytestmark = pytest.mark.integration


def no_bar(what: str, done: int, total: int) -> None:
    """Stands for a terminal's progress bar."""


@pytest.fixture(scope="module")
def training_images(folder_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("training") / "train"
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


def train_line(images: Path, weights: Path) -> list[str]:
    line = ["train", "--data", str(images), "--out", str(weights), "--device", "cpu"]
    return [*line, "--scheme", "semharq,digital-vq,plus-hybrid,plus-ik,feature-jscc-f"]


@pytest.fixture(scope="module")
def trained(training_images: Path) -> Path:
    """Weights of a short training, which tests do not change."""
    weights = training_images.parent / "weights"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulator.training.command, "presets", tiny)
        result = CliRunner().invoke(main, train_line(training_images, weights))
    assert result.exit_code == 0, result.output
    return weights


def test_train_then_simulate(
    training_images: Path, trained: Path, folder_data: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(simulator.training.command, "presets", tiny)
    runner, weights = CliRunner(), trained
    made = {path.name: path.stat().st_mtime_ns for path in weights.glob("*.safetensors")}
    of_features = {"plus-hybrid.safetensors", "plus-ik.safetensors", "feature-jscc-f.safetensors"}
    assert of_features <= made.keys()
    assert {"encoder.safetensors", "semharq.safetensors", "digital-vq.safetensors"} <= made.keys()
    assert (weights / "digital-vq.safetensors").stat().st_size <= 1e6
    # once more: everything is there, nothing is made again
    assert runner.invoke(main, train_line(training_images, weights)).exit_code == 0
    assert made == {path.name: path.stat().st_mtime_ns for path in weights.glob("*.safetensors")}
    run = ["--snr", "0", "--data", str(folder_data), "--weights", str(weights)]
    run += ["--scheme", "semharq,digital-vq,plus-hybrid,plus-ik,feature-jscc-f"]
    result = runner.invoke(main, [*run, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "note: the weights were trained on these very images" in result.output
    assert "note: W is 20 MHz, the weights of semharq, plus-hybrid" in result.output


def test_a_scheme_without_weights_of_its_own_is_not_trained(
    training_images: Path, tmp_path: Path
) -> None:
    line = ["train", "--data", str(training_images), "--out", str(tmp_path / "w")]
    result = CliRunner().invoke(main, [*line, "--scheme", "perfect"])
    assert result.exit_code == 2
    assert "scheme 'perfect' is not trained; allowed: semharq, " in result.stderr


def test_single_task_coding_is_three_trainings(tmp_path: Path) -> None:
    preset = presets(100)["synthetic"]
    joint, *single = stages(
        tmp_path, preset, ["semharq", "smsc-stc", "smsc-fir"], TASKS, "cpu", print, no_bar
    )
    assert (joint.out, joint.preset) == (tmp_path, preset)
    assert joint.schemes == ("semharq", "smsc-fir")
    assert [stage.out.name for stage in single] == ["stc-reid", "stc-color", "stc-type"]
    for task, stage in zip(TASKS, single, strict=True):
        assert stage.schemes == ("smsc-fir",)
        for recipe in ("encoder", "performers", "link"):
            shared = getattr(preset, recipe).task_weights
            own = getattr(stage.preset, recipe).task_weights
            assert asdict(own) == {t: w * (t == task) for t, w in asdict(shared).items()}
            assert getattr(own, task) > 0
    (alone,) = stages(tmp_path, preset, ["smsc-stc"], ["color"], "cpu", print, no_bar)
    assert alone.out.name == "stc-color"


def test_one_task_is_trained_and_other_options_are_not_mixed_in(
    training_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulator.training.command, "presets", tiny)
    weights, runner = tmp_path / "weights", CliRunner()
    line = ["train", "--data", str(training_images), "--device", "cpu", "--out"]
    stc = [*line, str(weights), "--scheme", "smsc-stc", "--tasks", "color"]
    result = runner.invoke(main, [*stc, "--buffer", "concatenate"])
    assert result.exit_code == 0, result.output
    assert [path.name for path in weights.iterdir()] == ["stc-color"]
    for name in ("encoder", "smsc-fir"):
        _, config = read_weights(weights / "stc-color" / f"{name}.safetensors")
        on = {task for task, weight in config["recipe"]["task_weights"].items() if weight}
        assert on == {"color"}
    assert config["buffer"] == "concatenate"
    for option, mixed in (
        ("--buffer", stc),
        ("--link-steps", [*stc, "--buffer", "concatenate", "--link-steps", "7"]),
        ("--seed", [*stc, "--buffer", "concatenate", "--seed", "1"]),
        ("--reading", [*stc, "--buffer", "concatenate", "--reading", "equalizer=zf"]),
        ("--channel", [*stc, "--buffer", "concatenate", "--fading", "block"]),
        ("--augmentation", [*stc, "--buffer", "concatenate", "--augmentation", "strong"]),
        ("--tasks", [*line, str(weights / "stc-color"), "--scheme", "smsc-fir"]),
    ):
        result = runner.invoke(main, mixed)
        assert result.exit_code == 2
        assert f"was trained with another {option}: give another --out" in result.stderr


def test_weights_of_other_images_are_not_taken_up(
    training_images: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulator.training.command, "presets", tiny)
    other = tmp_path / "other"
    shutil.copytree(training_images, other)
    for path in other.glob("*.png"):
        path.write_bytes(path.read_bytes() + b"x")  # the same names and labels
    result = CliRunner().invoke(main, train_line(other, trained))
    assert result.exit_code == 2
    assert "was trained with another --data or --extra-data" in result.stderr


def test_extra_data_must_not_hold_test_images_of_the_data(
    training_images: Path, tmp_path: Path
) -> None:
    data, extra = tmp_path / "data", tmp_path / "extra"
    shutil.copytree(training_images, data)
    shutil.copytree(training_images, extra)
    for path in list(data.glob("*.png")):
        (data / f"test-{path.name}").write_bytes(path.read_bytes() + b"x")
        (extra / path.name).write_bytes(path.read_bytes() + b"x")
    rows = (training_images / "labels.csv").read_text().splitlines()
    tests = [f"test-{row}" for row in rows[1:]]
    roles = ["gallery" if i % 2 else "query" for i in range(len(tests))]
    tests = [row.rpartition(",")[0] + f",{role}" for row, role in zip(tests, roles, strict=True)]
    (data / "labels.csv").write_text("\n".join([*rows, *tests]))
    line = ["train", "--data", str(data), "--extra-data", str(extra)]
    result = CliRunner().invoke(main, [*line, "--out", str(tmp_path / "weights")])
    assert result.exit_code == 2
    assert (
        f"{extra}: {len(tests)} of its training images are test images of {data}" in result.stderr
    )


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--tasks", "reid,colour", "unknown task 'colour': nearest: 'color'"),
        ("--buffer", "concat", "unknown buffer 'concat': nearest: 'concatenate'"),
        ("--scheme", "smsc-sct", "scheme 'smsc-sct' is not trained; nearest: 'smsc-stc'"),
    ],
)
def test_wrong_words_are_refused_before_any_work(
    option: str, value: str, says: str, training_images: Path, tmp_path: Path
) -> None:
    line = ["train", "--data", str(training_images), "--out", str(tmp_path / "w"), option, value]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 2
    assert says in result.stderr
    assert not (tmp_path / "w").exists()


def test_paper_preset_counts_epochs_of_its_data() -> None:
    paper = presets(37_778)["paper"]  # VeRi-776's training set: 1181 batches of 32
    assert paper.encoder.steps == 40 * 1181
    link = paper.link
    assert (link.fde_steps, link.complete_steps, link.selected_steps) == (
        *(30 * 1181, 40 * 1181, 65 * 1181),
    )
    assert paper.image_size == 256
    assert paper.buffer == "concatenate-raw"
    assert paper.reading == PRINTED
    assert paper.reading.given({"equalizer": "mrc"}).changed.keys() == {
        *("criterion", "pairs", "losses", "channel_loss")
    }


def test_extra_data_and_the_recipe_of_the_encoder(
    training_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photographs have other vehicles; a share of each batch is of them."""
    monkeypatch.setattr(simulator.training.command, "presets", tiny)
    extra = tmp_path / "extra"
    shutil.copytree(training_images, extra)
    line = ["train", "--data", str(training_images), "--out", str(tmp_path / "w")]
    # The smallest link, because the encoder is looked at.
    line += ["--scheme", "smsc-fir", "--device", "cpu"]
    line += ["--extra-data", str(extra), "--extra-vehicles", "3", "--encoder-steps", "32:1,48:1"]
    line += ["--batch-size", "10", "--augmentation", "strong", "--precision", "bf16"]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 0, result.output
    _, config = read_weights(tmp_path / "w" / "encoder.safetensors")
    assert config["identities"] == 16, "eight vehicles in each set"
    recipe = config["recipe"]
    assert recipe["phases"] == [[32, 1], [48, 1]]
    assert (recipe["vehicles_per_batch"], recipe["extra_vehicles"]) == (5, 3)
    assert (recipe["augmentation"], recipe["precision"]) == ("strong", "bf16")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--batch-size", "5"], "--batch-size 5 must be a multiple of 2, from 4 on; nearest: 4"),
        (["--extra-vehicles", "1"], "--extra-vehicles needs --extra-data"),
        (["--encoder-steps", "64:"], "--encoder-steps '64:' must be a number of steps, or size:"),
        (["--encoder-steps", "8:100"], "with sizes from 32 to 2048 pixels"),
        (["--encoder-steps", "9" * 21 + ":1"], "with sizes from 32 to 2048 pixels"),
        (["--encoder-steps", "9" * 400], "at most 100000000 steps"),
        (["--encoder-steps", "-3"], "--encoder-steps '-3' must be a number of steps"),
        (["--extra-data", "{data}", "--extra-vehicles", "4"], "must be at most 3 of a batch"),
    ],
)
def test_options_of_the_encoder_that_contradict_each_other(
    training_images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    monkeypatch.setattr(simulator.training.command, "presets", tiny)
    line = ["train", "--data", str(training_images), "--out", str(tmp_path / "w")]
    given = [str(training_images) if option == "{data}" else option for option in options]
    result = CliRunner().invoke(main, [*line, *given])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.strip().count("\n") == 0
    assert not (tmp_path / "w").exists()


def test_too_few_vehicles_are_refused_before_any_work(
    training_images: Path, tmp_path: Path
) -> None:
    """The synthetic preset's performers take 32 vehicles in a batch; the folder has 8."""
    line = ["train", "--data", str(training_images), "--out", str(tmp_path / "w")]
    result = CliRunner().invoke(main, [*line, "--batch-size", "8"])
    assert result.exit_code == 2
    assert "a batch of the performers needs 32 vehicles, the training set has 8" in result.stderr
    given = [*line, "--encoder", "package"]
    result = CliRunner().invoke(main, [*given, "--scheme", "my_scheme:Mine"])  # no performers
    assert "a batch of the links needs 16 vehicles, the training set has 8" in result.stderr
    result = CliRunner().invoke(main, [*given, "--batch-size", "512"])  # nor the encoder
    assert "a batch of the performers needs 32 vehicles" in result.stderr
    assert not (tmp_path / "w").exists()
