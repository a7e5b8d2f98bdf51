"""The frontier: fronts, capacity, leads, reference lines, tables and figures of invented curves."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from phy.channels.fading import Awgn, Rician
from phy.coding.link_adaptation import SnrStatistics
from phy.snr import noise_variance
from semantic.weights.files import WeightsError, read_weights, write_tensors
from simulator.cli import main
from simulator.frontier.bound import ergodic_capacity, payload
from simulator.frontier.jobs import FrontierRun, Outcome
from simulator.frontier.points import (
    capacity,
    front,
    fronts,
    leads,
    operating_points,
)
from simulator.frontier.run import PRESETS, Wanted, make_frontier, write_files
from simulator.frontier.tables import markdown
from simulator.results.curve import METRICS
from simulator.spec import RunSpec
from simulator.sweeps.sweepfile import read_sweep
from simulator.sweeps.worker import Failure
from simulator.training.plan import TRAINED, read_plan
from simulator.training.presets import presets


def invented(spec: RunSpec, out: Path) -> pd.DataFrame:
    """A curve in which more uses and more SNR give more, and semharq-plus a little more."""
    rows = []
    for scheme in spec.schemes:
        for snr_db in spec.snr_db:
            uses = 0.0 if scheme == "perfect" else 20.0 * spec.max_transmissions
            value = 100 - 800 / (20 + uses * (4 if scheme == "semharq-plus" else 3) + 5 * snr_db)
            value = 92.0 if scheme == "perfect" else value
            costs = {"channel_uses": uses, "uses_charged": 1.5 * uses, "feedback_bits": 4.0}
            for metric in METRICS:
                mean = costs.get(metric, value)
                low_high = {"ci_low": mean - 2, "ci_high": mean + 2}
                about = {"scheme": scheme, "snr_db": snr_db, "metric": metric, "value": mean}
                rows.append({**about, **low_high, "n": 9})
    return pd.DataFrame(rows)


def points_of(schemes: Iterable[str]) -> pd.DataFrame:
    parts = [
        operating_points(
            invented(RunSpec(schemes=(s,), snr_db=(0.0, 4.0), max_transmissions=g), Path()),
            f"G {g}",
        )
        for s in schemes
        for g in (1, 2, 4)
    ]
    return pd.concat(parts, ignore_index=True)


def test_an_operating_point_has_accuracy_and_prices() -> None:
    found = points_of(["semharq"])
    assert set(found["metric"]) == {"rank1", "mAP", "color_accuracy", "type_accuracy"}
    assert len(found) == 3 * 2 * 4
    assert (found["uses_charged"] == 1.5 * found["channel_uses"]).all()
    assert (found["feedback_bits"] == 4).all()


def test_a_front_leaves_out_what_is_dominated() -> None:
    table = pd.DataFrame(
        {"value": [50, 40, 50, 70, 60], "channel_uses": [10, 5, 12, 40, 40], "name": [*"abcde"]}
    )
    assert front(table, "channel_uses")["name"].tolist() == ["b", "a", "d"]
    every = fronts(points_of(["semharq", "perfect"]), "channel_uses")
    assert len(every[every["scheme"] == "semharq"]) == 3 * 2 * 4
    assert len(every[every["scheme"] == "perfect"]) == 2 * 4  # equal points count once


def test_capacity_is_the_cheapest_point_that_is_good_enough() -> None:
    found = capacity(points_of(["semharq", "semharq-plus"]), "channel_uses")
    row = found[(found["metric"] == "mAP") & (found["snr_db"] == 0)].set_index("scheme")
    # 100 - 800 / (20 + 3 n) >= 75 from n = 4 on: the least number of uses is 20
    assert row["uses"].to_dict() == {"semharq": 20.0, "semharq-plus": 20.0}
    assert row["images_per_s_per_mhz"].tolist() == [50_000, 50_000]
    assert row["mhz_per_1000_images_s"].tolist() == [0.02, 0.02]


def test_leads_are_over_schemes_without_more_feedback() -> None:
    points = points_of(["semharq", "semharq-plus", "perfect"])
    found = leads(points, "channel_uses", "semharq-plus", (10, 30, 100))
    assert set(found["price"]) == {30, 100}  # nothing is as cheap as 10 uses
    assert set(found["other"]) == {"semharq"}
    assert (found["difference"] > 0).all()
    assert found["half_width"].tolist() == pytest.approx([8**0.5] * len(found))
    points.loc[points["scheme"] == "semharq", "feedback_bits"] = 5.0
    assert leads(points, "channel_uses", "semharq-plus").empty


def test_tables_have_a_row_for_each_price_and_the_best_is_bold() -> None:
    points = points_of(["perfect", "semharq", "semharq-plus"])
    lines = pd.DataFrame(
        [{"line": "bound", "snr_db": 0.0, "uses": u, "bits": u, "mAP": u / 100} for u in (15, 60)]
    )
    text = markdown(points, lines, ("mAP",), "channel_uses", "semharq-plus")
    assert "## 0 dB, re-identification mAP (%)" in text
    row = next(line for line in text.splitlines() if line.startswith("| 30 |"))
    assert row == "| 30 | 90.0 ± 2.0 | **92.0** ± 2.0 | 0.1 |"
    assert "Without a channel: 92.0 ± 2.0." in text
    assert "| 15 |  |  | 0.1 |" in text  # no scheme is so cheap
    assert "+2.0 ± 2.8" in text
    assert "50000 | 0.02 |" in text


def test_files_are_written_and_not_empty(tmp_path: Path, ink_for: Callable[..., None]) -> None:
    drawn = ("frontier-mAP-channel_uses.png", "capacity-uses_charged.png")
    ink_for(*drawn, "frontier-mAP-channel_uses.pdf")
    points = points_of(["perfect", "semharq", "semharq-plus"])
    names = write_files(points, pd.DataFrame(), ("mAP",), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(names)
    assert len(pd.read_csv(tmp_path / "frontier.csv")) == len(points)
    assert (tmp_path / "frontier-mAP-channel_uses.pdf").read_bytes().startswith(b"%PDF")
    for name in drawn:
        with Image.open(tmp_path / name) as image:
            assert len(image.convert("L").getcolors()) > 50


def test_runs_of_a_file_and_of_some_schemes(tmp_path: Path, no_ink: None) -> None:
    said: list[str] = []
    failing = ""

    def run_all(jobs: Sequence[FrontierRun]) -> Iterator[Outcome]:
        for job in reversed(jobs):  # in any order
            assert job.out.parent == tmp_path
            if job.spec.schemes == ("semharq",):
                yield job, WeightsError("no weights")
            elif failing in job.spec.schemes:
                yield job, Failure(str(job), "it is broken")
            else:
                yield job, invented(job.spec, job.out)

    def no_weights(spec: RunSpec) -> RunSpec:
        return RunSpec.from_json(spec.to_json() | {"weights": str(tmp_path)})

    wanted = Wanted(PRESETS["small"], tmp_path, ("mAP",), complete=no_weights)
    points, _ = make_frontier(wanted, run_all, said.append)
    assert points["scheme"].drop_duplicates().tolist() == ["perfect", "semharq-plus"]
    assert [line for line in said if "no weights" in line]
    failing = "semharq-plus"
    with pytest.raises(ValueError, match=r"2 of 5 runs have failed; first .*: it is broken"):
        make_frontier(wanted, run_all, said.append)
    assert set(pd.read_csv(tmp_path / "frontier.csv")["scheme"]) == {"perfect"}
    some = Wanted(PRESETS["small"], tmp_path, schemes=("semharq-plus",)).runs()
    assert {spec.schemes for _, spec in some} == {("semharq-plus",)}
    with pytest.raises(ValueError, match="has no scheme 'semharq-pls': nearest: 'semharq-plus'"):
        Wanted(PRESETS["small"], tmp_path, schemes=("semharq-pls",)).runs()
    with pytest.raises(ValueError, match="unknown metric 'map'"):
        Wanted(PRESETS["small"], tmp_path, ("map",))


def test_presets_are_sweep_files() -> None:
    for name, file in PRESETS.items():
        runs = read_sweep(file)
        assert len(runs) == {"small": 5, "full": 315}[name]


def test_the_plan_of_the_frontier_trains_every_learned_scheme_of_its_sweep() -> None:
    plan = read_plan(
        Path(__file__).parents[2] / "benchmarks" / "frontier.toml", presets(1000)["synthetic"]
    )
    wanted = {spec.schemes[0] for _, spec in read_sweep(PRESETS["full"])}
    assert len(plan.seeds) == 5
    assert {*plan.readings["default"].schemes} == wanted & {*TRAINED}


def test_several_grids(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[[grid]]\nseed = [1, 2]\n[[grid]]\nschemes = ["perfect"]\nseed = [3]\n')
    found = read_sweep(file)
    assert [(spec.schemes, spec.seed) for _, spec in found] == [
        *((("semharq",), 1), (("semharq",), 2), (("perfect",), 3))
    ]
    file.write_text("[[grid]]\nseed = [1, 2]\n[[grid]]\nseed = [2]\n")
    with pytest.raises(ValueError, match="run seed=2: two grids of the file have it"):
        read_sweep(file)
    file.write_text("grid = [1]\n")
    with pytest.raises(ValueError, match=r"\[grid\] must be a table"):
        read_sweep(file)


def test_reference_lines_lie_in_order() -> None:
    """Over AWGN the capacity is log2(1 + SNR); fading takes from it, and a short block more."""
    assert ergodic_capacity(Awgn(), 5.0) == pytest.approx(2.057, abs=1e-3)
    capacity = ergodic_capacity(Rician(), 5.0)
    assert 1.6 < capacity < 2.0
    statistics = SnrStatistics.measure(Rician(), 8192, noise_variance(5.0))
    bits = payload(statistics, 60)
    assert 0.6 * 60 * capacity < bits < 60 * capacity
    assert payload(statistics, 60, most=20) == 20


@pytest.mark.integration
def test_the_command_runs_a_file_and_goes_on(
    all_weights: Path, folder_data: Path, tmp_path: Path, no_ink: None
) -> None:
    file = tmp_path / "f.toml"
    file.write_text(
        '[run]\nsnr_db = [0]\nbandwidth_hz = 2e6\nbudget = "uses"\n[[grid]]\n'
        'schemes = ["perfect", "plus-one-burst"]\nmax_transmissions = [2]\n'
    )
    for number in range(2):  # two trainings behind one encoder
        directory = tmp_path / "trainings" / str(number)
        directory.mkdir(parents=True)
        for name in ("encoder", "plus-one-burst", "digital-vq"):
            tensors, config = read_weights(all_weights / f"{name}.safetensors")
            if name == "plus-one-burst":
                tensors["scale"] = tensors["scale"] * (1 + 0.01 * number)
            path = directory / f"{name}.safetensors"
            write_tensors(path, tensors, {"config": json.dumps(config)})
    weights = str(tmp_path / "trainings")
    options = ["figures", "frontier", "--sweep", str(file), "--weights", weights, "--workers", "2"]
    options += ["--data", str(folder_data), "--out", str(tmp_path), "--metric", "mAP", "--quiet"]
    found = CliRunner().invoke(main, options, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    out = tmp_path / "frontier"
    text = (out / "frontier-channel_uses.md").read_text()
    assert "plus-one-burst" in text
    assert "bound: ergodic capacity" in text
    rows = sorted(out.rglob("*.rows"))
    before = [path.stat().st_mtime_ns for path in rows]
    assert len(rows) == 3  # the encoder alone is one training
    assert [path.parent.parent.name for path in rows if "one-burst" in str(path)] == [
        "training-0",
        "training-1",
    ]
    assert CliRunner().invoke(main, [*options, "--scheme", "perfect"]).exit_code == 0
    assert [path.stat().st_mtime_ns for path in rows] == before  # nothing was computed again
