"""Several trainings: runs side by side, one curve over all, training as a level of the intervals."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.torch import save_file

from semantic.weights.files import read_weights, write_tensors
from simulator import simulate
from simulator.cli import main
from simulator.results.curve import point
from simulator.spec import RunSpec
from simulator.sweeps.trainings import _check_trainings, run_trainings
from simulator.trainings import training_directories


@pytest.fixture(scope="module")
def trainings(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two directories: the tiny weights, and the same with other performers."""
    root = tmp_path_factory.mktemp("trainings")
    for number in range(2):
        (root / f"seed-{number}").mkdir()
        for path in tiny_weights.glob("*.safetensors"):
            with safe_open(path, "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                metadata = file.metadata()
            if number and path.stem == "encoder":
                for name, tensor in tensors.items():
                    if "performers" in name and tensor.is_floating_point():
                        tensors[name] = -tensor
            save_file(tensors, root / f"seed-{number}" / path.name, metadata)
    return root


def run(*arguments: object) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def given(folder_data: Path) -> list[object]:
    return [
        *("--scheme", "toy_parts:plain,perfect", "--snr=-3,3", "--channel", "toy_parts:Rayleigh"),
        *("--data", folder_data, "--bandwidth-mhz", "4", "--seeds", "2", "--engine", "inline"),
    ]


@pytest.mark.integration
def test_each_training_is_a_run_and_the_curve_is_over_both(
    trainings: Path, given: list[object], tmp_path: Path
) -> None:
    directories = sorted(trainings.iterdir())
    out = tmp_path / "both"
    text = run(*given, *(x for d in directories for x in ("--weights", d)), "--out", out)
    assert "2 trainings: intervals cover vehicles," in " ".join(text.split())
    for number, directory in enumerate(directories, 1):
        assert f"training {number} of 2: {directory}\n" in text
    rows = pd.read_parquet(out / "images.parquet")
    assert rows.groupby("training").size().nunique() == 1
    curve = pd.read_csv(out / "curve.csv")
    assert (curve["trainings"] == 2).all()
    assert (curve["seeds"] == 2).all()
    for number, directory in enumerate(directories):
        alone = tmp_path / f"alone-{number}"
        text = run(*given, "--weights", directory, "--out", alone)
        assert "one training: intervals cover vehicles" in " ".join(text.split())
        mine = rows[rows["training"] == number].drop(columns="training").reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, pd.read_parquet(alone / "images.parquet"))
    means = rows.groupby(["scheme", "snr_db", "training"])["color_correct"].mean()
    shown = curve[curve["metric"] == "color_accuracy"].set_index(["scheme", "snr_db"])["value"]
    expected = 100 * means.groupby(level=[0, 1]).mean()
    assert np.allclose(shown.sort_index(), expected.sort_index())
    record = json.loads((out / "run.json").read_text())
    hashes = record["weights_sha256"]
    assert hashes["training-0/encoder.safetensors"] != hashes["training-1/encoder.safetensors"]
    # the directory above names both, and run.json repeats them
    again = tmp_path / "again"
    run(*given, "--weights", trainings, "--out", again, "--quiet")
    assert (again / "curve.csv").read_bytes() == (out / "curve.csv").read_bytes()
    repeated = simulate(spec=out / "run.json", trust=True)
    assert np.allclose(repeated["value"], curve["value"], equal_nan=True)
    text = run("compare", f"{out}:perfect", f"{again}:toy_parts:plain")
    assert "2 trainings: intervals cover vehicles," in text


def test_trainings_that_differ_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    base = pd.DataFrame({"image": np.arange(300), "vehicle": np.arange(300) // 3})
    parts = [
        base.assign(training=k, color_correct=(rng.random(300) < 0.7 + 0.2 * (k % 2)) * 1.0)
        for k in range(4)
    ]
    every = point(pd.concat(parts), "color_accuracy")
    one = point(parts[0], "color_accuracy")
    assert every["ci_high"] - every["ci_low"] > one["ci_high"] - one["ci_low"]
    assert (every["n"], every["vehicles"], every["trainings"]) == (300, 100, 4)


def test_which_directories_are_several_trainings(trainings: Path, tiny_weights: Path) -> None:
    first, second = map(str, sorted(trainings.iterdir()))
    assert training_directories((str(trainings),)) == (first, second)
    assert training_directories((first, second)) == (first, second)
    assert training_directories((str(tiny_weights),)) == ()
    with pytest.raises(ValueError, match="does not exist: each of several --weights"):
        training_directories((first, str(trainings)))
    with pytest.raises(ValueError, match="is given twice"):
        training_directories((first, first))


@pytest.mark.parametrize(
    ("file", "changed", "problem"),
    [
        ("semharq", {"bandwidth_hz": 3e6}, "the bandwidth_hz of semharq.safetensors is None and 3"),
        ("semharq", {"recipe": {"snr_db": [0, 0]}}, "the recipe snr_db of semharq.safetensors"),
        ("semharq", {"recipe": {"seed": 7}, "data_sha256": "another"}, None),
    ],
)
def test_weights_of_other_options_are_no_trainings_of_one_network(
    trainings: Path,
    folder_data: Path,
    tmp_path: Path,
    file: str,
    changed: dict[str, Any],
    problem: str | None,
) -> None:
    """Their difference is no chance of the training, and would widen the interval as if it were."""
    first, second = sorted(trainings.iterdir())
    shutil.copytree(second, tmp_path / "other")
    state, config = read_weights(second / f"{file}.safetensors")
    text = json.dumps({**config, **changed})
    write_tensors(tmp_path / "other" / f"{file}.safetensors", state, {"config": text})
    spec = RunSpec(trainings=(str(first), str(tmp_path / "other")), data=str(folder_data))
    if problem is None:
        _check_trainings([replace(spec, weights=w, trainings=()) for w in spec.trainings])
        return
    with pytest.raises(ValueError, match=f"not trainings of one network: {problem}"):
        run_trainings(spec, tmp_path / "out", lambda spec, out: pytest.fail("it ran"))


@pytest.mark.integration
def test_a_scheme_with_one_training_in_all_directories_is_named(
    tiny_weights: Path, folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        shutil.copytree(tiny_weights, tmp_path / name)
    path = tmp_path / "b" / "semharq.safetensors"
    state, config = read_weights(path)
    moved = {k: v + 0.001 if v.is_floating_point() else v for k, v in state.items()}
    write_tensors(path, moved, {"config": json.dumps(config)})
    said: list[str] = []
    monkeypatch.setattr(
        "simulator.sweeps.trainings.LOG.warning", lambda text, *a: said.append(text % a)
    )
    spec = RunSpec(schemes=("semharq", "perfect"), data=str(folder_data), device="cpu")
    _check_trainings([replace(spec, weights=str(tmp_path / name)) for name in ("a", "b")])
    (line,) = said
    assert line.startswith("the weights of perfect are the same in all directories")


def test_a_stop_rule_and_several_trainings_exclude_each_other(trainings: Path) -> None:
    spec = RunSpec(until="ci=1", trainings=training_directories((str(trainings),)))
    with pytest.raises(ValueError, match="--until needs one training"):
        simulate(spec=spec)


@pytest.fixture(scope="module")
def halves(
    trainings: Path, given: list[object], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """The SNRs of a run of two trainings, each in a run of its own."""
    root = tmp_path_factory.mktemp("halves")
    for snr_db in ("-3", "3"):
        run(*given, "--weights", trainings, "--snr", snr_db, "--out", root / snr_db, "--quiet")
    return [root / "-3", root / "3"]


@pytest.mark.integration
def test_runs_of_several_trainings_are_joined(
    trainings: Path, given: list[object], halves: list[Path], tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    run(*given, "--weights", trainings, "--out", whole, "--quiet")
    text = run("merge", *halves, "--out", tmp_path / "joined")
    assert "16 points of 2 runs and 2 trainings" in text
    assert "missing" not in text
    for name in ("curve.csv", "images.parquet"):
        read = pd.read_csv if name.endswith("csv") else pd.read_parquet
        found = [read(root / name) for root in (tmp_path / "joined", whole)]
        keys = [
            k for k in ("scheme", "snr_db", "metric", "seed", "image", "training") if k in found[0]
        ]
        joined, expected = (table.sort_values(keys, ignore_index=True) for table in found)
        pd.testing.assert_frame_equal(joined, expected, check_exact=True)
    records = [json.loads((root / "run.json").read_text()) for root in (tmp_path / "joined", whole)]
    assert records[0]["spec"]["trainings"] == records[1]["spec"]["trainings"]
    again = run("--spec", tmp_path / "joined" / "run.json", "--trust", "--out", tmp_path / "joined")
    assert "16" not in again.split("images.parquet")[-1]  # nothing is left to compute


@pytest.mark.integration
def test_runs_with_other_trainings_are_not_joined(
    trainings: Path, given: list[object], halves: list[Path], tmp_path: Path
) -> None:
    one = trainings / "seed-1"
    run(*given, "--weights", one, "--snr", "9", "--out", tmp_path / "one", "--quiet")
    run(
        *given,
        "--weights",
        trainings / "seed-0",
        "--snr",
        "6",
        "--out",
        tmp_path / "other",
        "--quiet",
    )
    for directories, message in (
        ([halves[0], tmp_path / "one"], "they have 2 trainings and one training"),
        ([tmp_path / "one", tmp_path / "other"], "computed with other weights: encoder"),
    ):
        result = CliRunner().invoke(
            main, ["merge", *map(str, directories), "--out", str(tmp_path / "joined")]
        )
        assert result.exit_code == 2
        assert message in result.stderr
        assert len(result.stderr.splitlines()) == 1
