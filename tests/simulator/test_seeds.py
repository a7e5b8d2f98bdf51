"""The stop rule, and how often intervals hold the truth that they were drawn from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from simulator.results.compare import paired_difference
from simulator.results.curve import point
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.stop_rule import StopRule
from simulator.sweeps.seeds import SeedSummary, enough, half_width, summarize
from simulator.sweeps.sweep import run

#: Runs of each coverage test: a standard error of 0.69 % at 95 %; 93 to 97 % is 2.9 of them.
RUNS = 1000


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("error=1", "unknown stop rule 'error': nearest: 'errors'"),
        ("ci", "stop rule 'ci' needs a positive number"),
        ("ci=-1", "needs a positive number"),
        ("ci=nan", "needs a positive number"),
        ("errors=many", "needs a positive number"),
        ("errors=1.5", "needs a whole number of errors"),
    ],
)
def test_rules_that_are_not_allowed(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        StopRule.parse(text)
    with pytest.raises(ValueError, match=problem):
        RunSpec(until=text)


def test_max_seeds_is_not_below_seeds() -> None:
    with pytest.raises(ValueError, match="max_seeds is 2, it must be at least 4"):
        RunSpec(seeds=4, until="ci=1", max_seeds=2)


def test_half_width_is_students() -> None:
    means = np.array([50.0, 52.0, 51.0, 55.0])
    low, high = stats.t.interval(0.95, 3, loc=means.mean(), scale=stats.sem(means))
    seeds = [SeedSummary((m, 90.0), (10, 1), (50, 10)) for m in means]
    assert half_width(seeds) == pytest.approx((high - low) / 2)  # the widest metric's
    assert half_width(seeds[:1]) == float("inf")


def test_rules_stop_when_they_say() -> None:
    calm = [SeedSummary((50.0,), (40,), (80,))] * 3
    assert not enough(StopRule.parse("ci=1"), calm[:2])
    assert enough(StopRule.parse("ci=1"), calm)
    assert not enough(StopRule.parse("errors=121"), calm)
    assert enough(StopRule.parse("errors=120"), calm)


@pytest.mark.parametrize("mean", [0.0, 100.0])
def test_seeds_without_an_error_have_the_width_of_their_trials(mean: float) -> None:
    seeds = [SeedSummary((mean,), (0,), (40,))] * 3
    low, high = stats.binomtest(120, 120).proportion_ci(0.95, method="wilson")
    assert half_width(seeds) == pytest.approx(100 * (high - low) / 2)
    assert not enough(StopRule.parse("ci=1"), seeds)
    assert enough(StopRule.parse("ci=2"), seeds)


def test_a_summary_counts_what_has_a_label() -> None:
    nothing = [np.nan, np.nan, np.nan]
    rows = pd.DataFrame(
        {
            "rank1_hit": [1.0, 0.0, np.nan],
            "average_precision": [1.0, 0.5, np.nan],
            "color_correct": [1.0, 1.0, 0.0],
            "type_correct": nothing,
        }
    )
    found = summarize(rows)
    assert found.means == pytest.approx((50.0, 75.0, 100 * 2 / 3))
    assert found.errors == (1, 1, 1)
    assert found.images == (2, 2, 3)


@pytest.mark.integration
def test_a_run_adds_seeds_until_it_knows_enough(
    tiny_weights: Path, folder_data: Path, tmp_path: Path
) -> None:
    spec = RunSpec(
        schemes=("toy_parts:plain", "perfect"),
        snr_db=(-10.0, 20.0),
        channel="toy_parts:Rayleigh",
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=4e6,
        until="ci=3",
        max_seeds=6,
    )
    prepared = prepare(spec)
    found = run(prepared, out=tmp_path)
    seeds = found.images.groupby(["scheme", "snr_db"], sort=False)["seed"].nunique()
    assert (seeds["perfect"] == 3).all()  # no spread, no more than it takes to see that
    assert seeds.max() <= 6
    for name, rows in found.images.groupby(["scheme", "snr_db"], sort=False):
        count = seeds[name]
        each = [summarize(part) for _, part in rows.groupby("seed")]
        rule = StopRule.parse("ci=3")
        assert count == 6 or enough(rule, each)
        assert count == 3 or not enough(rule, each[:-1])
    again = run(prepared, out=tmp_path)  # the rule meets the same seeds, and stops there
    pd.testing.assert_frame_equal(again.images, found.images, check_exact=True)
    unlimited = replace(spec, until=None, seeds=3, max_seeds=RunSpec.max_seeds)
    fixed = run(prepare(unlimited), out=tmp_path)
    pd.testing.assert_frame_equal(
        fixed.images,
        found.images[found.images["seed"] < 3].reset_index(drop=True),
        check_exact=True,
    )


def test_student_over_seeds_covers_the_mean_of_given_images() -> None:
    rng = np.random.default_rng(3)
    difficulty = rng.beta(2, 1, 200)  # these images, each with a chance of its own
    truth = 100 * difficulty.mean()
    covered = 0
    for _ in range(RUNS):
        hits = rng.random((5, 200)) < difficulty
        seeds = [SeedSummary((100 * float(row.mean()),), (0,), (200,)) for row in hits]
        covered += abs(np.mean([s.means[0] for s in seeds]) - truth) <= half_width(seeds)
    assert 0.93 <= covered / RUNS <= 0.97


def two_schemes(rng: np.random.Generator, images: int, seeds: int) -> list[pd.DataFrame]:
    """Average precisions of two schemes on common noise, the first better by 0.03 on average."""
    difficulty, shared = rng.normal(0, 0.2, images), rng.normal(0, 0.1, (seeds, images))
    image, seed = np.meshgrid(np.arange(images), np.arange(seeds))
    parts = []
    for gain in (0.03, 0.0):
        values = 0.5 + gain + difficulty + shared + rng.normal(0, 0.05, (seeds, images))
        table = {"image": image, "seed": seed, "average_precision": values}
        parts.append(pd.DataFrame({name: column.ravel() for name, column in table.items()}))
    return parts


def test_a_difference_of_several_seeds_is_that_of_each_image() -> None:
    better, worse = two_schemes(np.random.default_rng(5), 40, 3)
    found = paired_difference(better, worse.sample(frac=1, random_state=0), "mAP")
    gain = better["average_precision"] - worse["average_precision"]
    assert found["difference"] == pytest.approx(100 * gain.mean())
    assert found["a"] - found["b"] == pytest.approx(found["difference"])
    assert (found["ci_low"] < found["difference"] < found["ci_high"], found["n"]) == (True, 40)


@pytest.mark.integration
@pytest.mark.parametrize("seeds", [1, 4])
def test_paired_differences_cover_the_truth(seeds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # A third of the time, and not looked at: p-values have tests in test_intervals.py.
    monkeypatch.setattr("simulator.results.compare.p_value", lambda *given: 1.0)
    rng = np.random.default_rng(4)
    covered, widths = 0, []
    for _ in range(400):  # a standard error of 1.1 %
        found = paired_difference(*two_schemes(rng, 150, seeds), "mAP")
        covered += found["ci_low"] <= 3.0 <= found["ci_high"]
        widths.append(found["ci_high"] - found["ci_low"])
    assert 0.92 <= covered / 400 <= 0.98
    alone = point(two_schemes(rng, 150, seeds)[0], "mAP")
    # pairing takes out what the images have in common
    assert np.mean(widths) < 0.5 * (alone["ci_high"] - alone["ci_low"])
