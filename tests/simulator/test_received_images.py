"""PSNR and SSIM of a run: what schemes deliver, compared with what was sent."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from semantic.metrics.image_quality import psnr_db, ssim
from simulator import compare, open_link
from simulator.codecs.image_codecs import ImageCodec, gray
from simulator.ledger import Ledger
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.cells import CellRunner, Point

SCHEME = "jpeg-ldpc-16qam-harq"


@pytest.fixture(scope="module")
def spec(folder_data: Path, tiny_weights: Path) -> RunSpec:
    return RunSpec(
        schemes=(SCHEME,),
        snr_db=(-20.0, 30.0),
        data=str(folder_data),
        weights=str(tiny_weights),
        images=8,
        bandwidth_hz=3e6,
        scheme_args=(("on_failure", "drop"), ("quality", 50)),
        image_quality=True,
        device="cpu",
    )


@pytest.fixture(scope="module")
def runner(spec: RunSpec) -> CellRunner:
    return CellRunner(prepare(spec), lambda what, done, total: None)


def rows(runner: CellRunner, snr_db: float) -> pd.DataFrame:
    point = Point(runner.prepared.spec.schemes[0], snr_db, 0)
    (cell,) = runner.cells(point, 10**6)
    with torch.inference_mode():
        outputs, ledger = runner._simulate(cell, lambda images: None)
    return runner.rows(point, outputs, ledger)


@pytest.mark.integration
@pytest.mark.parametrize("snr_db", [-20.0, 30.0])
def test_a_file_arrives_with_the_quality_of_its_codec_or_fails_in_gray(
    runner: CellRunner, snr_db: float
) -> None:
    found, codec = rows(runner, snr_db), ImageCodec("jpeg", 50)
    for row, pixels in zip(found.itertuples(), runner.encoded.pixels(runner.kept), strict=True):
        size = pixels.shape[:2]
        shown = codec.decode(codec.save(pixels, 50), size) if snr_db > 0 else gray(size)
        both = torch.from_numpy(pixels), torch.tensor(shown)
        assert (row.psnr_db, row.ssim) == (psnr_db(*both), ssim(*both))
    assert (found["bandwidth_ratio"] == found["channel_uses"] / (3 * 32**2)).all()
    per_bit = found["energy"] / found["information_bits"]
    assert found["ebn0_db"].to_numpy() == pytest.approx(snr_db + 10 * np.log10(per_bit))


@pytest.mark.integration
def test_without_the_option_there_is_no_quality_and_all_else_is_the_same(
    spec: RunSpec, runner: CellRunner
) -> None:
    plain = CellRunner(prepare(replace(spec, image_quality=False)), lambda what, done, total: None)
    without, found = rows(plain, 30.0), rows(runner, 30.0)
    quality = ["psnr_db", "ssim"]
    assert without[quality].isna().all(axis=None)
    assert found[quality].notna().all(axis=None)
    pd.testing.assert_frame_equal(without.drop(columns=quality), found.drop(columns=quality))


@pytest.mark.integration
def test_an_opened_link_and_a_comparison_have_it(
    spec: RunSpec, runner: CellRunner, tmp_path: Path
) -> None:
    found = rows(runner, 30.0)
    fields = {name: getattr(spec, name) for name in ("data", "weights", "bandwidth_hz", "images")}
    link = open_link(SCHEME, scheme_args=dict(spec.scheme_args), image_quality=True, **fields)
    sent = link.send([int(number) for number in runner.kept[:2]], snr_db=30.0)
    for name in ("psnr_db", "ssim"):
        assert sent.table[name].tolist() == found[name][:2].tolist()
    for name, change in (("a", 0.0), ("b", 2.0)):
        (tmp_path / name).mkdir()
        table = found.assign(psnr_db=found["psnr_db"] + change)
        table.to_parquet(tmp_path / name / "images.parquet")
    (row,) = compare(str(tmp_path / "b"), str(tmp_path / "a"), ["psnr_db"]).itertuples()
    assert row.difference == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("received", "problem"),
    [
        (np.zeros((1, 16, 16, 3), np.uint8), "a receiver has 1 images of 2"),
        (
            np.zeros((2, 16, 12, 3), np.uint8),
            r"uint8 \[16, 12, 3\], it must be uint8 \[16, 16, 3\]",
        ),
        (np.zeros((2, 16, 16, 3), np.float32), "a received image is torch.float32"),
    ],
)
def test_other_images_are_refused(received: np.ndarray, problem: str) -> None:
    ledger, sent = Ledger.zeros(3), np.zeros((3, 16, 16, 3), np.uint8)
    with pytest.raises(ValueError, match=problem):
        ledger.compare_images(torch.tensor([2, 0]), lambda rows: sent[rows], [*received])
    ledger.compare_images(torch.tensor([1]), lambda rows: sent[rows], None)
    assert not ledger.compared.any()
    ledger.compare_images(torch.tensor([1]), lambda rows: sent[rows], [sent[0]])
    assert ledger.compared.tolist() == [False, True, False]
    assert (ledger.psnr_db[1], ledger.ssim[1]) == (100.0, 1.0)
