"""The conventional chain and its retransmissions: adaptive coding, code-block groups, one shot."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from simulator.spec import RunSpec
from simulator.sweeps.sweep import run_spec

HARQ, ONE_SHOT, AMC = "jpeg-ldpc-16qam-harq", "jpeg-ldpc-bpsk", "conventional-amc"


@pytest.fixture(scope="module")
def run(tiny_weights: Path, folder_data: Path) -> Any:
    """Runs one scheme over fast Rician fading and gives its rows."""

    def rows(scheme: str, *snr_db: float, batch_size: int = 256, **arguments: Any) -> pd.DataFrame:
        spec = RunSpec(
            schemes=(scheme,),
            snr_db=snr_db,
            data=str(folder_data),
            weights=str(tiny_weights),
            bandwidth_hz=arguments.pop("bandwidth_hz", 8e6),
            scheme_args=tuple(sorted(arguments.items())),
            batch_size=batch_size,
            device="cpu",
        )
        return run_spec(spec).images

    return rows


@pytest.mark.integration
@pytest.mark.parametrize(
    ("scheme", "arguments"),
    [(HARQ, {}), (HARQ, {"retransmission": "group", "base_graph": 2}), (AMC, {})],
)
def test_batch_size_changes_no_number(scheme: str, arguments: dict[str, Any], run: Any) -> None:
    small, large = (run(scheme, 3.0, batch_size=n, **arguments) for n in (7, 256))
    pd.testing.assert_frame_equal(small, large, check_exact=True)


def test_amc_arrives_at_once_and_carries_more_at_higher_snr(run: Any) -> None:
    rows = run(AMC, -8.0, 0.0, 8.0, bandwidth_hz=1e6).set_index("snr_db")
    first = (rows["transmissions"] == 1) & (rows["stopped_by"] == "CRC holds")
    assert first.groupby("snr_db").mean().min() > 0.8  # 40 images, target 0.9
    slots = rows.groupby("snr_db")["slots"].mean()
    assert slots[-8.0] > slots[0.0] > slots[8.0] - 1e-9
    assert slots[8.0] == 1
    filled = rows.loc[8.0, "channel_uses"]
    assert filled.between(700, 1000).all(), "the file is chosen for the slot"
    assert (rows["side_information_bits"] == 6 * rows["transmissions"]).all()


def test_only_wrong_groups_are_sent_again(run: Any) -> None:
    """Blocks of 480 bytes at an SNR where some of them fail."""
    arguments = {"base_graph": 2, "quality": 95}
    whole = run(HARQ, 11.6, **arguments).set_index("image")
    group = run(HARQ, 11.6, retransmission="group", groups=4, **arguments).set_index("image")
    again = whole["transmissions"] > 1
    assert again.any()
    assert (group["stopped_by"] == "CRC holds").all()
    assert (group.loc[~again, "channel_uses"] == whole.loc[~again, "channel_uses"]).all()
    first_bits = group["transmissions"] + 4 * (group["transmissions"] - 1)
    assert (group["feedback_bits"] <= first_bits).all()
    assert (group["feedback_bits"] > group["transmissions"])[again].all()
    assert (group["side_information_bits"] == 4 * group["transmissions"]).all()
    assert group.loc[again, "channel_uses"].sum() < whole.loc[again, "channel_uses"].sum()


def test_without_harq_there_is_one_transmission(run: Any) -> None:
    rows = run(HARQ, 3.0, harq=0)
    assert (rows["transmissions"] == 1).all()
    assert (rows["stopped_by"] == "one shot").all()
