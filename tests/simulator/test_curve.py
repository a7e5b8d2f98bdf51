"""Points and their intervals."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from simulator.results.curve import ACCURACIES, METRICS, curve, point
from simulator.results.figures import draw_curves


def rows(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_point_in_percent_with_its_count() -> None:
    found = point(rows(image=[0, 1, 2, 3], rank1_hit=[1.0, 0.0, np.nan, 1.0]), "rank1")
    assert found["n"] == 3  # gallery images and invalid queries do not count
    assert found["value"] == pytest.approx(100 * 2 / 3)
    assert found["vehicles"] == 3  # without a vehicle, each image stands alone
    interval = binomtest(2, 3).proportion_ci(method="wilson")
    assert found["ci_low"] < 100 * interval.low  # Student's quantile of 2 degrees of freedom
    assert found["ci_high"] > 100 * interval.high


def test_seeds_do_not_make_more_images() -> None:
    once = rows(image=[0, 1], color_correct=[1.0, 0.0])
    again = pd.concat([once.assign(seed=seed) for seed in range(3)])
    expected = point(once, "color_accuracy") | {"seeds": 3}
    assert point(again, "color_accuracy") == pytest.approx(expected)
    mixed = rows(image=[0, 0, 1, 1], seed=[0, 1, 0, 1], transmissions=[1, 3, 4, 4])
    assert point(mixed, "transmissions")["value"] == 3.0
    assert point(mixed, "transmissions")["n"] == 2


def test_a_seed_that_lacks_an_image_leaves_its_mean() -> None:
    some = rows(image=[0, 0, 1, 2, 2], seed=[0, 1, 1, 0, 1], color_correct=[1.0, 0.0, 1.0, 1.0, 1])
    found = point(some, "color_accuracy")
    assert (found["value"], found["n"]) == (pytest.approx(100 * 2.5 / 3), 3)
    assert found["ci_low"] < found["value"] < found["ci_high"]


def test_no_labels_no_number() -> None:
    found = point(rows(image=[0, 1], type_correct=[np.nan, np.nan]), "type_accuracy")
    assert found["n"] == 0
    assert math.isnan(found["value"])


def log(images: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    parts = []
    for scheme in ("b", "a"):
        for snr_db in (3.0, -3.0):
            part = pd.DataFrame({"image": np.arange(images)})
            for metric in METRICS:
                name = {"rank1": "rank1_hit", "mAP": "average_precision"}.get(metric, metric)
                part[name.replace("_accuracy", "_correct")] = rng.integers(0, 2, images) * 1.0
            parts.append(part.assign(scheme=scheme, channel="c", snr_db=snr_db))
    return pd.concat(parts)


def test_curve_is_tidy_and_keeps_the_order_of_the_run() -> None:
    found = curve(log())
    columns = ["scheme", "channel", "snr_db", "metric", "value", "ci_low", "ci_high", "n"]
    assert list(found.columns) == [*columns, "vehicles", "seeds", "trainings"]
    assert len(found) == 4 * len(METRICS)
    points = found[["scheme", "snr_db"]].drop_duplicates().values.tolist()
    assert points == [["b", 3.0], ["b", -3.0], ["a", 3.0], ["a", -3.0]]
    inside = found[found["metric"].isin(ACCURACIES)]
    assert inside["value"].between(0, 100).all()
    assert (found["ci_low"] <= found["value"]).all()
    assert (found["value"] <= found["ci_high"]).all()


@pytest.mark.parametrize("n", [3, 1007])
def test_figure_of_extremes_and_gaps(n: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    # at 0 and at 1 rounding must not make a bar of negative length
    found = curve(log(n).assign(rank1_hit=1.0, color_correct=0.0, type_correct=np.nan))
    path = tmp_path_factory.mktemp("figure") / "curve.png"
    draw_curves(found, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def coded(**changes: object) -> pd.DataFrame:
    """Four images: with the first, with the second, an error that no CRC saw, never."""
    table = {
        "image": [0, 1, 2, 3],
        "information_bits": [100, 100, 100, 100],
        "delivered_bits": [100, 100, 0, 0],
        "transmissions": [1, 2, 2, 4],
        "channel_uses": [10, 20, 20, 40],
        "pilot_uses": [0, 0, 0, 0],
    }
    return pd.DataFrame(table).assign(**changes)


@pytest.mark.parametrize(("transmissions", "lost"), [(1, 3), (2, 2), (3, 2), (4, 2)])
def test_block_error_rate_by_hand(transmissions: int, lost: int) -> None:
    found = point(coded(), f"bler_{transmissions}")
    interval = binomtest(lost, 4).proportion_ci(0.95, method="wilson")
    assert (found["value"], found["n"]) == (lost / 4, 4)
    assert 0 <= found["ci_low"] < interval.low  # 4 images tell little of their own dependence
    assert interval.high < found["ci_high"] <= 1


def test_goodput_by_hand() -> None:
    found = point(coded(), "goodput")
    assert (found["value"], found["n"]) == (200 / 90, 4)
    assert 0 <= found["ci_low"] < 200 / 90 < found["ci_high"] <= 10
    assert point(coded(pilot_uses=[5, 0, 0, 5]), "goodput")["value"] == 200 / 100
    nothing = point(coded(delivered_bits=0), "goodput")
    assert nothing["value"] == nothing["ci_low"] == 0.0
    assert 0 < nothing["ci_high"] < 10
    everything = point(coded(delivered_bits=100, transmissions=1, channel_uses=10), "goodput")
    assert 0 < everything["ci_low"] < everything["value"] == everything["ci_high"] == 10


def test_seeds_make_no_more_blocks() -> None:
    worse = coded(delivered_bits=0, transmissions=4, channel_uses=40)
    both = pd.concat([coded(seed=0), worse.assign(seed=1)])
    bler, goodput = point(both, "bler_2"), point(both, "goodput")
    assert (bler["value"], bler["n"]) == (0.75, 4)  # images 0 and 1 in half of the seeds
    assert (goodput["value"], goodput["n"]) == (200 / 250, 4)


def test_ebn0_by_hand() -> None:
    """Images of 100 bits, 10 uses of power 1 in each transmission, at Es/N0 = 3 dB."""
    sent = coded(energy=[10.0, 20.0, 20.0, 40.0], snr_db=3.0, retransmissions_allowed=3)
    found = point(sent, "ebn0_db")
    assert found["value"] == pytest.approx(3 + 10 * math.log10(90 / 400))
    # between one transmission of every image and all four
    assert 3 + 10 * math.log10(0.1) <= found["ci_low"] < found["value"] < found["ci_high"]
    assert found["ci_high"] <= 3 + 10 * math.log10(0.4) + 1e-9
    alone = coded(energy=10.0, transmissions=1, snr_db=3.0, retransmissions_allowed=0)
    fixed = point(alone, "ebn0_db")
    assert fixed["value"] == fixed["ci_low"] == fixed["ci_high"] == pytest.approx(-7.0)
    assert point(coded(energy=0.0, snr_db=3.0), "ebn0_db")["n"] == 0


def test_quality_metrics_stand_where_images_were_compared() -> None:
    shown = log().assign(psnr_db=[20.0, 30.0] * 12, ssim=0.5)
    shown.loc[shown["scheme"] == "b", ["psnr_db", "ssim"]] = np.nan
    found = curve(shown)
    assert found.groupby("scheme")["metric"].agg(list)["b"] == 2 * list(METRICS)
    (psnr, *_) = found[(found["scheme"] == "a") & (found["metric"] == "psnr_db")].itertuples()
    assert (psnr.value, psnr.n) == (25.0, 6)
    assert 0 < psnr.ci_low < 25 < psnr.ci_high < 100
    old = log().drop(columns="bandwidth_ratio")
    assert "bandwidth_ratio" not in set(curve(old)["metric"])


def test_a_later_metric_is_found_by_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.results.curve.LATER", ("type_accuracy",))
    assert "type_accuracy" in set(curve(log())["metric"])
    assert "type_accuracy" not in set(curve(log().drop(columns="type_correct"))["metric"])


def test_digital_metrics_stand_where_there_are_bits() -> None:
    digital = log().assign(information_bits=8, delivered_bits=8)
    digital["transmissions"] += 1  # 1 or 2
    analog = log().assign(scheme="c", information_bits=0, delivered_bits=0)
    found = curve(pd.concat([digital, analog])).groupby("scheme")["metric"].agg(list)
    extra = ["information_bits", "delivered_bits", "goodput", "ebn0_db", "bler_1", "bler_2"]
    assert found["a"] == found["b"] == 2 * [*METRICS, *extra]
    assert found["c"] == 2 * list(METRICS)
