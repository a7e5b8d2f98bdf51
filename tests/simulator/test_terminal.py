"""What a run shows: one table per scheme, a second one where there are bits."""

import io

import numpy as np
import pandas as pd
from rich.console import Console

from simulator.commands.terminal import tables
from simulator.results.curve import COLUMN, METRICS, curve


def shown(log: pd.DataFrame) -> str:
    file = io.StringIO()
    console = Console(file=file, width=120)
    for view in tables(curve(log)):
        console.print(view)
    return file.getvalue()


def log(scheme: str, bits: int) -> pd.DataFrame:
    """Two SNRs; 4 images of which j arrive with transmission j, at 100 uses each."""
    columns = {COLUMN.get(metric, metric): np.ones(4) for metric in METRICS}
    point = pd.DataFrame({**columns, "image": np.arange(4), "information_bits": bits})
    sent = np.arange(1, 5)
    point = point.assign(transmissions=sent, channel_uses=100 * sent, pilot_uses=0)
    high = point.assign(delivered_bits=bits, transmissions=1, channel_uses=100, snr_db=5.0)
    low = point.assign(delivered_bits=bits * np.array([1, 1, 1, 0]), snr_db=-5.0)
    return pd.concat([low, high]).assign(scheme=scheme, channel="awgn")


def test_schemes_of_bits_have_a_second_table() -> None:
    text = shown(pd.concat([log("analog", 0), log("digital", 200)]))
    assert text.count("rank-1 %") == 2
    assert text.count("bits per use") == 1
    assert "digital: images not delivered" in text
    second = text[text.index("digital: images") :].splitlines()
    (heading,) = [line.split() for line in second if "SNR dB" in line]
    assert heading == [
        "SNR",
        "dB",
        "BLER",
        "1",
        "BLER",
        "2",
        "BLER",
        "3",
        "BLER",
        "4",
        "bits",
        "per",
        "use",
    ]
    low, high = (next(v for v in second if v.split()[:1] == [snr]) for snr in ("-5", "5"))
    assert low.split()[1::2] == ["0.750", "0.500", "0.250", "0.250", "0.600"]  # 600 bits, 1000 uses
    assert high.split()[1::2] == ["0.000", "0.000", "0.000", "0.000", "2.000"]


def test_a_run_without_bits_has_none() -> None:
    text = shown(log("analog", 0))
    assert "rank-1 %" in text
    assert "BLER" not in text
