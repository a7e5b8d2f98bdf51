"""The whole line, `simulate --scheme A,B --channel X --snr ...`, for every X of the catalog.

A few small images: at 30 dB all of them must arrive in the end, at -20 dB none, whatever the
channel, and every row of the results must say which channel it was.
"""

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from simulator.catalog import CHANNELS
from simulator.cli import main

pytestmark = pytest.mark.integration

SCHEMES = ["semharq", "jpeg-ldpc-16qam-harq"]
#: Beside the defaults: what only an argument brings into the chain.
WITH_ARGUMENTS: dict[str, tuple[str, list[str]]] = {
    "rician, jakes": ("rician", ["fading=jakes"]),
    "nakagami, block": ("nakagami", ["fading=block"]),
    "tdl-c, lmmse": ("tdl-c", ["csi=lmmse"]),
    "cdl-d, ls": ("cdl-d", ["csi=ls"]),
    "shadow over pilots": ("shadowed", ["csi=lmmse", "over=tdl-d", "sigma_db=2"]),
    "array of tdl": ("simo", ["over=tdl-a"]),
}
CASES = {name: (name, list[str]()) for name in CHANNELS} | WITH_ARGUMENTS


@pytest.mark.parametrize("case", CASES)
def test_both_schemes_cross_it_and_every_row_names_it(
    case: str, tmp_path: Path, folder_data: Path, tiny_weights: Path
) -> None:
    name, arguments = CASES[case]
    line = [
        *("--scheme", ",".join(SCHEMES), "--channel", name, "--snr=-20,30", "--images", "8"),
        *("--data", str(folder_data), "--weights", str(tiny_weights), "--bandwidth-mhz", "3"),
        *(part for argument in arguments for part in ("--channel-arg", argument)),
        *("--out", str(tmp_path), "--quiet", "--engine", "inline"),
    ]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 0, result.output
    label = f"{name}({','.join(arguments)})" if arguments else name
    curve = pd.read_csv(tmp_path / "curve.csv")
    images = pd.read_parquet(tmp_path / "images.parquet")
    for rows in (curve, images):
        assert set(rows["channel"]) == {label}
        assert set(rows["scheme"]) == set(SCHEMES)
        assert set(rows["snr_db"]) == {-20.0, 30.0}
    assert images.groupby(["scheme", "snr_db"]).size().nunique() == 1
    coded = images[images["scheme"] == "jpeg-ldpc-16qam-harq"]
    far, near = (coded[coded["snr_db"] == snr_db] for snr_db in (-20.0, 30.0))
    assert (far["delivered_bits"] == 0).all()
    assert (near["delivered_bits"] == near["information_bits"]).all()
    assert (near["information_bits"] > 0).all()
    semantic = images[images["scheme"] == "semharq"].groupby("snr_db")["transmissions"].mean()
    assert semantic[-20.0] > semantic[30.0]
    estimated = any(argument.startswith("csi=") for argument in arguments)
    assert (images["pilot_uses"] > 0).all() == estimated
