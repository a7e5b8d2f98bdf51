"""The conventional chain end to end on small pictures."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from simulator.cli import main
from simulator.schemes.conventional import Coding
from simulator.spec import RunSpec
from simulator.sweep import simulate

HARQ, ONE_SHOT = "jpeg-ldpc-16qam-harq", "jpeg-ldpc-bpsk"


@pytest.fixture(scope="module")
def images(tiny_weights: Path, folder_data: Path) -> pd.DataFrame:
    spec = RunSpec(
        schemes=(HARQ, ONE_SHOT, "perfect"),
        snr_db=(-12.0, 4.0, 30.0),
        channel="awgn",
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=8e6,
        device="cpu",
    )
    return simulate(spec).images


def test_arrives_at_high_snr_and_not_under_capacity(images: pd.DataFrame) -> None:
    for scheme, first in ((HARQ, 30.0), (ONE_SHOT, 4.0)):
        rows = images[images["scheme"] == scheme].set_index("snr_db")
        assert (rows.loc[first, "stopped_by"] == "CRC holds").all()
        assert (rows.loc[first, "transmissions"] == 1).all()
        assert (rows.loc[-12.0, "stopped_by"] != "CRC holds").all()
    harq = images[images["scheme"] == HARQ].set_index("snr_db")
    assert (harq.loc[-12.0, "transmissions"] == 4).all()
    # 3 bits a use need 2.6 dB with two transmissions (Gaussian input): at 4 dB one is not enough.
    assert (harq.loc[4.0, "transmissions"] > 1).all()
    assert (harq.loc[4.0, "stopped_by"] == "CRC holds").all()


def test_uses_energy_and_feedback_are_counted(images: pd.DataFrame) -> None:
    rows = images[images["scheme"] == HARQ]
    assert (rows["feedback_bits"] == rows["transmissions"]).all()
    assert (rows["energy"] / rows["channel_uses"]).between(0.8, 1.2).all()
    one = rows[rows["snr_db"] == 30.0].set_index("image")["channel_uses"]
    four = rows[rows["snr_db"] == -12.0].set_index("image")["channel_uses"]
    assert (four == 4 * one).all()


def test_nothing_heard_is_a_grey_picture_for_all(images: pd.DataFrame) -> None:
    lost = images[(images["scheme"] == HARQ) & (images["snr_db"] == -12.0)]
    assert lost["color_predicted"].nunique() == 1
    assert (lost["rank1_hit"].dropna() == 0).all(), "ties are broken pessimistically"


def test_batch_size_changes_no_number(tiny_weights: Path, folder_data: Path) -> None:
    spec = RunSpec(
        schemes=(HARQ,),
        snr_db=(3.0,),
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=8e6,
        device="cpu",
    )
    small, large = simulate(replace(spec, batch_size=7)), simulate(spec)
    pd.testing.assert_frame_equal(small.images, large.images, check_exact=True)


def test_fit_fills_the_slot_and_no_more() -> None:
    coding = Coding("16qam")
    largest = coding.largest_file_bytes(4000)
    assert coding.codec(8 * largest).uses <= 4000 < coding.codec(8 * largest + 8).uses


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("modulation=17qam", "16qam"),
        ("rate=1.2", "rate 1.2"),
        ("quality=200", "1 to 95"),
        ("quality=best", "1 to 95, or fit"),
        ("codec=jpg", "jpeg"),
        ("on_failure=droop", "drop"),
        ("base_graph=3", "3"),
        ("rv_order=0234", "rv_order"),
        ("modulatoin=qpsk", "modulation"),
    ],
)
def test_bad_arguments_are_one_line(
    argument: str, message: str, tiny_weights: Path, folder_data: Path, tmp_path: Path
) -> None:
    line = ["--scheme", HARQ, "--snr", "0", "--data", str(folder_data), "--scheme-arg", argument]
    line += ["--weights", str(tiny_weights), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
