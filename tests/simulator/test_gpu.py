"""What only a real GPU can show: `make gpu` runs these tests, and `make test` skips them.

Every scheme computes there what it computes on the CPU, up to rounding, whatever the batch size;
every learned scheme is trained there.
"""

from pathlib import Path

import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from test_training_command import tiny, training_images

import simulator.training.command
from simulator.catalog import SCHEMES
from simulator.cli import main

__all__ = ["training_images"]  # a fixture

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is visible"),
]
IMAGES = 40
#: Columns of an image that a changed last bit can change only where a decision was close.
DECISIONS = ["transmissions", "channel_uses", "feedback_bits", "delivered_bits"]
#: Networks that are trained, by the names of their files.
TRAINED = [
    *("semharq", "semharq-csi", "semharq-no-fde", "ik-s-harq", "rt-s-harq", "smsc-fir"),
    *("semharq-plus", "plus-hybrid", "plus-ik", "feature-jscc-f", "digital-vq", "deepjscc"),
]


def rows(out: Path, name: str, device: str, data: Path, weights: Path, *more: str) -> pd.DataFrame:
    """The rows of all images of a run at -2 and 8 dB."""
    line = ["--scheme", name, "--snr=-2,8", "--data", str(data), "--weights", str(weights)]
    line += ["--device", device, "--bandwidth-mhz", "3", "--images", str(IMAGES), "--quiet"]
    result = CliRunner().invoke(main, [*line, "--engine", "inline", "--out", str(out), *more])
    assert result.exit_code == 0, result.output
    return pd.read_parquet(out / "images.parquet")


@pytest.mark.parametrize("name", SCHEMES)
def test_a_gpu_computes_what_the_cpu_does(
    name: str, folder_data: Path, all_weights: Path, tmp_path: Path
) -> None:
    there = rows(tmp_path / "gpu", name, "cuda", folder_data, all_weights)
    here = rows(tmp_path / "cpu", name, "cpu", folder_data, all_weights)
    assert len(there) == len(here) > 0
    for column in DECISIONS:
        assert (there[column] == here[column]).mean() > 0.9, column
    small = rows(tmp_path / "one", name, "cuda:0", folder_data, all_weights, "--batch-size", "7")
    pd.testing.assert_frame_equal(small, there)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_on_a_gpu(
    precision: str, training_images: Path, folder_data: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(simulator.training.command, "presets", tiny)
    names = TRAINED if precision == "fp32" else ["semharq"]
    line = ["train", "--data", str(training_images), "--out", str(tmp_path / "weights")]
    line += ["--device", "cuda", "--precision", precision, "--scheme", ",".join(names)]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 0, result.output
    found = rows(tmp_path / "o", ",".join(names), "cuda", folder_data, tmp_path / "weights")
    assert set(found["scheme"]) == {*names}
