"""`simulate train --plan`: what a plan may say, what readings share, and a queue that goes on."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

import simulator.training.jobs
import simulator.training.plan_command
from semantic.data.opening import open_dataset
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.reading import OPTIONS
from semantic.training.encoder import EncoderRecipe
from semantic.training.labels import Labels
from semantic.training.loop import LinkData, LinkRecipe
from semantic.training.performers import PerformersRecipe
from semantic.weights.files import read_weights, save_weights
from simulator.cli import main
from simulator.sweeps.worker import Failure
from simulator.training.channel import preset_channel
from simulator.training.code import link_note
from simulator.training.jobs import TrainingJob, train_job
from simulator.training.links import train_links
from simulator.training.plan import OF_DETECTOR, OF_ORDER, TrainingPlan, read_plan
from simulator.training.presets import Preset, presets
from simulator.training.stage import Stage
from simulator.trainings import training_directories

ATLAS = Path(__file__).parents[2] / "benchmarks" / "atlas.toml"


def tiny(images: int) -> dict[str, Preset]:
    link = LinkRecipe(1, 1, 1, vehicles_per_batch=4, images_per_vehicle=2, fde_features=16)
    recipes = EncoderRecipe(), PerformersRecipe(vehicles_per_batch=4)
    return {"synthetic": Preset(32, 4e6, "combine", *recipes, link, True, 1)}


def plan_of(text: str, tmp_path: Path) -> TrainingPlan:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    return read_plan(path, tiny(0)["synthetic"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds = 2", r"it has no \[readings.NAME\]"),
        ("seed = 2", "unknown key 'seed': "),
        ("seeds = [1, 1]\n[readings.a]", "must be different"),
        ("seeds = true\n[readings.a]", "seeds is True, it must be a number of seeds"),
        ("schemes = ['semharc']\n[readings.a]", "unknown scheme 'semharc': .*semharq"),
        ("recipe.steps = 3\n[readings.a]", "unknown field of recipe 'steps'"),
        ("recipe.fde_steps = 1.5\n[readings.a]", "fde_steps 1.5 is not a whole number"),
        ("recipe.learning_rate = nan\n[readings.a]", "learning_rate nan is not allowed"),
        ("recipe.learning_rate = inf\n[readings.a]", "learning_rate inf is not allowed"),
        ("recipe.images_per_vehicle = 0\n[readings.a]", "images_per_vehicle 0 is not allowed"),
        ("recipe.free_budget = 2\n[readings.a]", "free_budget 2 is not allowed, .* 0 to 1"),
        (
            "recipe.fde_steps = 99999999999999999999\n[readings.a]",
            "is not allowed, it must be 0 to",
        ),
        ("schemes = ['deepjscc']\n[readings.a]", "deepjscc is trained on pixels: `simulate train"),
        ("schemes = ['semharq', 'semharq']\n[readings.a]", "scheme 'semharq' is given twice"),
        ("seeds = 3000000000\n[readings.a]", "seeds are at most 10000"),
        ("seeds = [18446744073709551616]\n[readings.a]", "none is above 18446744073709551615"),
        ("[readings.a]\nsnr_db = nan", "reading a: SNR in dB nan is not allowed"),
        ("[readings.a]\nsnr_db = 1e300", "reading a: SNR in dB 1e\\+300 is not allowed"),
        ("[readings.a]\nbuffer = 3", "reading a: buffer is 3, it must be a word"),
        ("[readings.a]\nbuffer = ['average']", "buffer is .'average'., it must be a word"),
        ("[readings.a]\nreading.equalizer = 'xf'", "reading a: reading equalizer 'xf'"),
        ("[readings.a]\nbuffer = 'averages'", "reading a: unknown buffer 'averages': .*average"),
        ("[readings.a]\nsnr_db = 'low'", "reading a: snr_db is 'low', it must be a number"),
        ("[readings.'../a']", r"reading ../a: a name has letters"),
        ("[readings.a]\nreading.encoder = 'joint'", "encoder=joint has no place in a plan"),
        ("[readings.a]\nchannel = 'my:Channel'", "'my:Channel' must be a built-in one"),
        ("[readings.a]\nchannel = 'shadowed/my:C'", "'my:C' must be a built-in one"),
        (
            "[readings.a]\nchannel = 'shadowed'\nchannel_args.over = 'simo/my:C'",
            "'my:C' must be a built-in one",
        ),
        ("[readings.a]\nchannel_args.fading = 'blok'", "reading a: .*blok"),
        ("readings = 3", "readings is 3, it must be a table"),
        ("x = ", "cannot be read"),
    ],
)
def test_a_wrong_plan_is_refused_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message) as error:
        plan_of(text, tmp_path)
    assert "\n" not in str(error.value) or text == "x = "


def test_the_plan_of_the_atlas_has_the_size_that_was_promised() -> None:
    plan = read_plan(ATLAS, presets(1000)["synthetic"])
    assert len(plan.readings) >= 22
    assert len(plan.seeds) == 5
    assert all(len(planned.schemes) >= 4 for planned in plan.readings.values())
    assert plan.trained("fde-v1") == ("semharq",)
    assert plan.trained_by("fde-v1", "ik-s-harq") == "default"
    assert plan.trained_by("image-f", "smsc-sequential") == "default"
    assert plan.trained_by("block", "smsc-sequential") == "block"
    assert plan.trained_by("image-f-gradient-proposed", "semharq") == "image-f-gradient"
    assert plan.owners(["fde-v1"]) == ("default", "fde-v1")


def test_weights_of_other_schemes_are_shared_where_nothing_changes(tmp_path: Path) -> None:
    plan = plan_of(
        "schemes = ['plus-ik', 'feature-jscc-f', 'digital-vq']\n[readings.a]\n"
        "[readings.b]\nbuffer = 'average'\n[readings.c]\nchannel = 'awgn'\n",
        tmp_path,
    )
    assert [plan.trained(name) for name in ("b", "c")] == [
        ("plus-ik",),  # it starts from a link with this buffer
        ("plus-ik", "feature-jscc-f"),
    ]


@pytest.mark.parametrize("options", [OF_DETECTOR, OF_ORDER])
def test_weights_are_shared_only_where_the_options_change_nothing(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    values = {option: OPTIONS[option].values[-1] for option in options}
    reading = ", ".join(f"{k} = '{v}'" for k, v in values.items())
    schemes = "schemes = ['semharq', 'ik-s-harq', 'smsc-sequential']"
    plan = plan_of(f"{schemes}\n[readings.a]\n[readings.b]\nreading = {{ {reading} }}\n", tmp_path)
    expected = {"smsc-sequential"} | ({"ik-s-harq"} if options == OF_DETECTOR else set())
    shared = {s for s in plan.readings["b"].schemes if plan.trained_by("b", s) == "a"}
    assert shared == expected
    torch.manual_seed(0)
    vehicle = torch.arange(8) // 2
    s, encoder = torch.rand(8, 1024), MultiTaskNetwork(4).requires_grad_(False).eval()
    states = []
    for name, planned in plan.readings.items():
        out = tmp_path / name
        out.mkdir()
        (out / "encoder.safetensors").write_bytes(b"a stand-in")
        channel = preset_channel(planned.preset, "cpu")
        data = LinkData(s, Labels(vehicle, vehicle, vehicle), channel, lambda x: 16)
        train_links(Stage(out, planned.preset, (), "cpu", print), sorted(shared), encoder, data)
        states.append({scheme: read_weights(out / f"{scheme}.safetensors")[0] for scheme in shared})
    for scheme in shared:
        for key, value in states[0][scheme].items():
            assert key == "order" or torch.equal(value, states[1][scheme][key]), (scheme, key)


def test_a_checkpoint_of_a_job_belongs_to_the_code_the_channel_and_the_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"identities": 4, "image_size": 32}
    save_weights(tmp_path / "encoder.safetensors", MultiTaskNetwork(4), config)
    vehicle = np.arange(8) // 2
    np.save(tmp_path / "s-0.npy", np.zeros((8, 1024), np.float32))
    np.savez(tmp_path / "labels-0.npz", vehicle=vehicle, color=vehicle, type=vehicle)
    taken: list[LinkData] = []

    def train(stage: Stage, encoder: MultiTaskNetwork, data: LinkData) -> None:
        taken.append(data)
        (stage.out / "link.complete.safetensors").touch()

    monkeypatch.setattr(simulator.training.jobs, "complete_link", train)
    preset = replace(tiny(0)["synthetic"], channel="awgn")
    job = TrainingJob(tmp_path, "a", 0, None, preset, "cpu", tmp_path / "s-0.npy")
    assert not isinstance(train_job(job), Failure)
    assert taken[0].about == link_note(preset)
    assert taken[0].about["channel"] == "awgn"


@pytest.fixture
def queue(folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command line of a small plan."""
    monkeypatch.setattr(simulator.training.plan_command, "presets", tiny)
    train = tmp_path / "train"
    shutil.copytree(folder_data, train)
    with (train / "labels.csv").open() as file:
        rows = [{**row, "split": "train"} for row in csv.DictReader(file)]
    pd.DataFrame(rows).to_csv(train / "labels.csv", index=False)
    images = open_dataset(str(train), "train")
    network = MultiTaskNetwork(8)
    config = {"identities": 8, "image_size": 32, "images_sha256": images.images_hash()}
    save_weights(tmp_path / "encoder.safetensors", network, config)
    (tmp_path / "plan.toml").write_text(
        "seeds = 2\nschemes = ['semharq', 'smsc-fir', 'plus-ik', 'feature-jscc-f', 'digital-vq']\n"
        "[readings.default]\n[readings.fde-v1]\nreading.fde = 'v1'\n"
    )
    line = ["train", "--plan", str(tmp_path / "plan.toml"), "--data", str(train), "--device", "cpu"]
    return [*line, "--encoder", str(tmp_path / "encoder.safetensors"), "--out"]


@pytest.mark.integration
def test_a_plan_is_trained_taken_up_and_names_what_fails(queue: list[str], tmp_path: Path) -> None:
    out, line = tmp_path / "atlas", [*queue, str(tmp_path / "atlas"), "--engine", "inline"]
    wrong = out / "default" / "seed-0" / "smsc-fir.safetensors"
    wrong.parent.mkdir(parents=True)
    wrong.write_bytes(b"damaged")
    first = CliRunner().invoke(main, line)
    assert first.exit_code == 1
    assert "failed: default/seed-0/smsc-fir" in first.output
    table = pd.read_csv(out / "trainings.csv", keep_default_na=False)
    assert (table["state"] == "trained").sum() == len(table) - 2  # it is shared by fde-v1
    assert table.loc[table["state"] == "failed", "error"].str.contains("smsc-fir").all()
    wrong.unlink()
    made = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    second = CliRunner().invoke(main, line)
    assert second.exit_code == 0, second.output
    assert "1 of 1: default/seed-0/smsc-fir" in second.output
    assert all(path.stat().st_mtime_ns == time for path, time in made.items())
    table = pd.read_csv(out / "trainings.csv")
    assert (table["state"] == "trained").all()
    assert list(out.rglob("*.checkpoint.safetensors")) == []
    _, config = read_weights(out / "fde-v1" / "seed-1" / "semharq.safetensors")
    assert config["recipe"]["seed"] == 1
    assert config["reading"] == {"fde": "v1"}
    assert len(config["data_sha256"]) == 64
    assert config["code_sha256"] == table["code_sha256"][0]
    hashes = table.set_index(["reading", "scheme", "seed"])["sha256"]
    assert hashes["fde-v1", "smsc-fir", 1] == hashes["default", "smsc-fir", 1]
    assert table.loc[table["weights_of"] == table["reading"], "sha256"].is_unique
    assert len(training_directories((str(out / "default"),))) == 2
    # another recipe is not mixed in
    plan = Path(queue[2])
    plan.write_text("recipe.selected_steps = 3\n" + plan.read_text())
    third = CliRunner().invoke(main, line)
    assert third.exit_code == 1
    assert "was trained with another --link-steps" in third.output


@pytest.mark.integration
def test_workers_make_the_same_weights(queue: list[str], tmp_path: Path) -> None:
    hashes = []
    for engine in (["--engine", "inline"], ["--engine", "local", "--workers", "2"]):
        out = tmp_path / engine[1]
        result = CliRunner().invoke(main, [*queue, str(out), *engine, "--only", "fde-v1"])
        assert result.exit_code == 0, result.output
        table = pd.read_csv(out / "trainings.csv")
        hashes.append(table.loc[table["weights_of"] == "fde-v1", "sha256"].tolist())
    assert hashes[0] == hashes[1]
    assert len({*hashes[0]}) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--reading", "equalizer=zf"], "--reading is for one training: the plan says it"),
        (["--link-seed", "1"], "--link-seed is for one training"),
        (["--only", "nothing"], "the plan has no reading 'nothing'"),
        (["--scheme", "semharq"], "--scheme is for one training"),
    ],
)
def test_options_of_one_training_are_refused(
    given: list[str], message: str, queue: list[str], tmp_path: Path
) -> None:
    result = CliRunner().invoke(main, [*queue, str(tmp_path / "w"), *given])
    assert result.exit_code == 2
    assert message in result.stderr


def test_options_of_plans_need_a_plan(tmp_path: Path) -> None:
    line = ["train", "--data", str(tmp_path), "--out", str(tmp_path / "w"), "--workers", "2"]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 2
    assert "--workers needs --plan" in result.stderr


@pytest.mark.integration
def test_other_plans_of_a_directory_and_other_recipes_are_not_hidden(
    queue: list[str], tmp_path: Path
) -> None:
    """`--only` trains what a reading shares, under the name of the reading that it belongs to."""
    out, plan = tmp_path / "atlas", tmp_path / "plan.toml"
    line = [*queue, str(out), "--engine", "inline"]
    text = "seeds = 1\nschemes = ['smsc-fir']\n[readings.default]\n"
    plan.write_text(f"{text}[readings.fde-v1]\nreading.fde = 'v1'\n")
    only = CliRunner().invoke(main, [*line, "--only", "fde-v1"])
    assert only.exit_code == 0, only.output
    assert "all trainings of fde-v1" in only.output
    table = pd.read_csv(out / "trainings.csv", keep_default_na=False)
    assert table["state"].tolist() == ["trained", "trained"]
    assert table["weights_of"].tolist() == ["default", "default"]
    assert [path.parent.parent.name for path in out.rglob("smsc-fir.safetensors")] == ["default"]
    wrong = out / "zf" / "seed-0" / "smsc-fir.safetensors"
    wrong.parent.mkdir(parents=True)
    wrong.write_bytes(b"damaged")
    plan.write_text(f"{text.replace('default', 'zf')}reading.equalizer = 'zf'\n")
    assert CliRunner().invoke(main, line).exit_code == 1
    plan.write_text(text)
    assert CliRunner().invoke(main, line).exit_code == 0
    table = pd.read_csv(out / "trainings.csv", keep_default_na=False).set_index("reading")
    assert table.loc["zf", "state"] == "failed"
    assert "smsc-fir" in table.loc["zf", "error"]
    assert table.loc["fde-v1", "state"] == "trained"
    for field, value in (("learning_rate", 0.5), ("free_budget", 0), ("complete_steps", 2)):
        plan.write_text(f"{text}[recipe]\n{field} = {value}\n")
        other = CliRunner().invoke(main, line)
        assert other.exit_code == 1, field
        assert f"was trained with another {field}: give another --out" in other.output
