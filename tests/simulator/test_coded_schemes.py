"""What all schemes of coded bits have in common: what counts as delivered, options, bad input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from simulator.cli import main
from simulator.encoded_dataset import EncodedDataset, Features
from simulator.results.curve import point
from simulator.spec import RunSpec
from simulator.sweeps.sweep import run_spec

pytestmark = pytest.mark.integration

ONE_SHOT, HARQ = "jpeg-ldpc-bpsk", "jpeg-ldpc-16qam-harq"
AMC, FEATURES = "conventional-amc", "digital-features"
CODED = (ONE_SHOT, HARQ, AMC, FEATURES)
#: Several code blocks an image, some of which fail at this SNR.
PARTLY: dict[str, tuple[float, dict[str, Any]]] = {
    ONE_SHOT: (3.3, {"base_graph": 2, "quality": 95}),
    HARQ: (11.9, {"base_graph": 2, "quality": 95}),
    AMC: (4.0, {"base_graph": 2, "quality": 95, "target_bler": 0.6, "fading": "block"}),
    FEATURES: (12.1, {"modulation": "16qam", "rate": 0.75, "bits": 10, "base_graph": 2}),
}

Run = Callable[..., pd.DataFrame]


@pytest.fixture(scope="module")
def run(tiny_weights: Path, folder_data: Path) -> Run:
    """Runs schemes over Rician fading, once for each set of arguments."""
    done: dict[object, pd.DataFrame] = {}

    def rows(scheme: str, *snr_db: float, g_max: int = 4, **arguments: Any) -> pd.DataFrame:
        spec = RunSpec(
            schemes=tuple(scheme.split(",")),
            snr_db=snr_db,
            channel_args=(("fading", arguments.pop("fading", "fast")),),
            images=arguments.pop("images", None),
            data=str(folder_data),
            weights=str(tiny_weights),
            bandwidth_hz=8e6,
            max_transmissions=g_max,
            scheme_args=tuple(sorted(arguments.items())),
            device="cpu",
        )
        key = repr(spec)
        if key not in done:
            done[key] = run_spec(spec).images
        return done[key]

    return rows


@pytest.mark.parametrize("scheme", CODED)
def test_a_transport_block_is_delivered_whole_or_not_at_all(scheme: str, run: Run) -> None:
    snr_db, arguments = PARTLY[scheme]
    rows = run(scheme, snr_db, g_max=1, **arguments)
    arrived = rows["stopped_by"] == "CRC holds"
    assert 0 < arrived.sum() < len(rows), "the SNR of this test is on the cliff"
    assert (rows["information_bits"] > 3840).all(), "several code blocks"
    assert (rows.loc[arrived, "delivered_bits"] == rows.loc[arrived, "information_bits"]).all()
    assert (rows.loc[~arrived, "delivered_bits"] == 0).all()
    goodput = point(rows, "goodput")["value"]
    assert goodput == pytest.approx(
        rows.loc[arrived, "information_bits"].sum() / rows["channel_uses"].sum()
    )
    assert point(rows, "bler_1")["value"] == pytest.approx(1.0 - arrived.mean())


@pytest.mark.parametrize("scheme", CODED)
def test_retransmissions_are_paid_for_and_bits_are_not_counted_twice(scheme: str, run: Run) -> None:
    snr_db, arguments = PARTLY[scheme]
    once, rows = (run(scheme, snr_db, g_max=g, **arguments).set_index("image") for g in (1, 4))
    assert (rows["information_bits"] == once["information_bits"]).all()
    if scheme == ONE_SHOT:
        pd.testing.assert_series_equal(rows["delivered_bits"], once["delivered_bits"])
        return
    assert (rows["delivered_bits"] == rows["information_bits"]).all()
    assert (rows["channel_uses"] == rows["transmissions"] * once["channel_uses"]).all()
    assert (rows["transmissions"] > 1).sum() == (once["delivered_bits"] == 0).sum()


@pytest.mark.parametrize("scheme", CODED)
def test_giving_up_changes_no_number(scheme: str, run: Run) -> None:
    """What is given up unread would have failed: over the whole range, all columns."""
    arguments = PARTLY[scheme][1] | {"images": 12}
    snrs_db = (-4.0, 6.0)
    with_it = run(scheme, *snrs_db, **arguments)
    without = run(scheme, *snrs_db, give_up=0, **arguments)
    arrived = with_it["stopped_by"] == "CRC holds"
    assert arrived.any()
    assert (with_it["transmissions"] > 1).any() or not arrived.all(), "some rounds were in vain"
    costs = [name for name in with_it.columns if name not in TASK_COLUMNS]
    pd.testing.assert_frame_equal(with_it[costs], without[costs])
    # Bits of what failed in both are other guesses; what arrived is the same.
    pd.testing.assert_frame_equal(with_it[arrived], without[arrived])


TASK_COLUMNS = {"rank1_hit", "average_precision", "color_correct", "type_correct"} | {
    f"{task}_predicted" for task in ("color", "type", "vehicle")
}


@pytest.mark.parametrize("scheme", [HARQ, FEATURES])
def test_both_decoders_give_the_same_run(scheme: str, run: Run) -> None:
    """Away from the cliff, where a decoder's quality does not show, every number is the same."""
    arguments = {"base_graph": 2, "images": 12, "iterations": 20} | (
        {"modulation": "16qam", "rate": 0.75} if scheme == FEATURES else {"quality": 30}
    )
    numba, sionna = (run(scheme, 7.0, decoder=name, **arguments) for name in ("numba", "sionna"))
    assert (numba["transmissions"] == 2).all()
    pd.testing.assert_frame_equal(numba, sionna)


def test_the_same_symbols_again_are_worth_less_than_new_ones(run: Run) -> None:
    ir, chase = (run(HARQ, 6.5, combining=name, quality=30) for name in ("ir", "chase"))
    repeated = run(HARQ, 6.5, combining="ir", rv_order="0", quality=30)
    pd.testing.assert_frame_equal(chase, repeated)
    assert (ir["channel_uses"] <= chase["channel_uses"]).all()
    assert ir["channel_uses"].sum() < 0.9 * chase["channel_uses"].sum()


def test_images_alone_need_no_features_of_clean_images(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    beside = run(f"{HARQ},perfect", 6.5, images=16, quality=20)

    def refuse(encoded: EncodedDataset) -> Features:
        raise AssertionError("clean images are encoded for nothing")

    monkeypatch.setenv("SEMHARQ_CACHE", str(tmp_path))
    monkeypatch.setattr(EncodedDataset, "_encode", refuse)
    alone = run(HARQ, 6.5, images=16, quality=20)
    pd.testing.assert_frame_equal(alone, beside[beside["scheme"] == HARQ])


@pytest.mark.parametrize(
    ("scheme", "option", "message"),
    [
        (ONE_SHOT, ["--scheme-arg", "rate=0.93"], "0.0293 to 0.9257"),
        (ONE_SHOT, ["--scheme-arg", "modulation=8psk"], "bpsk"),
        (ONE_SHOT, ["--scheme-arg", "harq=1"], "takes no argument 'harq'; it takes base_graph, "),
        (ONE_SHOT, ["--scheme-arg", "equaliser=zf"], "'equaliser'; it takes base_graph, codec, "),
        (
            ONE_SHOT,
            ["--scheme-arg", "qualty=9"],
            "no argument 'qualty'; nearest: 'quality'; it takes",
        ),
        (FEATURES, ["--scheme-arg", "bits=0"], "1 to 10"),
        (FEATURES, ["--scheme-arg", "rate=0.5"], "give both"),
        (AMC, ["--scheme-arg", "codec=bmp"], "codec 'bmp'"),
        (HARQ, ["--max-transmissions", "0"], "max_transmissions 0 is not"),
        (HARQ, ["--data", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_bad_input_is_one_line(
    scheme: str,
    option: list[str],
    message: str,
    tiny_weights: Path,
    folder_data: Path,
    tmp_path: Path,
) -> None:
    line = ["--scheme", scheme, "--snr", "0", "--data", str(folder_data), *option]
    line += ["--weights", str(tiny_weights), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_no_readable_image_is_one_line(tiny_weights: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (data / name).write_bytes(b"no image at all")
    (data / "labels.csv").write_text(
        "file,vehicle,camera,color,type,split\na.jpg,0,0,red,suv,gallery\nb.jpg,0,1,red,suv,query\n"
    )
    line = ["--scheme", HARQ, "--snr", "0", "--data", str(data), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, [*line, "--weights", str(tiny_weights)])
    assert result.exit_code == 2
    assert "a.jpg" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
