"""The conventional chain end to end on small images."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from codecs_here import CODECS_HERE

from phy.channel import Received
from phy.coding.ldpc_decoder import NumbaDecoder, SionnaDecoder
from semantic.data.opening import open_dataset
from simulator.cli import main
from simulator.codecs.image_codecs import FAILURE_POLICIES, ImageCodec
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Shared
from simulator.schemes.coding import Coding
from simulator.schemes.conventional import Conventional, RxState, TxState
from simulator.setup.networks import Networks
from simulator.setup.schemes import build_scheme
from simulator.slots import Slot
from simulator.spec import RunSpec
from simulator.sweeps.sweep import run_spec

HARQ, ONE_SHOT, AMC = "jpeg-ldpc-16qam-harq", "jpeg-ldpc-bpsk", "conventional-amc"


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
    return run_spec(spec).images


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


def test_nothing_received_is_a_gray_image_for_all(images: pd.DataFrame) -> None:
    lost = images[(images["scheme"] == HARQ) & (images["snr_db"] == -12.0)]
    assert lost["color_predicted"].nunique() == 1
    assert (lost["rank1_hit"].dropna() == 0).all(), "ties are broken pessimistically"


@pytest.mark.parametrize(
    ("asked", "device", "decoder"),
    [
        ("auto", "cpu", "numba"),
        ("auto", "cuda:0", "sionna"),
        ("sionna", "cpu", "sionna"),
        ("numba", "cuda:0", "numba"),
    ],
)
def test_the_decoder_is_where_the_networks_are(asked: str, device: str, decoder: str) -> None:
    scheme = build_scheme(HARQ, Networks(RunSpec(), device), decoder=asked)
    assert isinstance(scheme, Conventional)
    coding = scheme.rule.for_file(100, Slot(0.0, 1e-3, 1e6))
    assert (coding.decoder, coding.device) == (decoder, device if decoder == "sionna" else "cpu")


def test_files_of_all_sizes_share_a_decoder_of_either_decoder() -> None:
    """Blocks of different files are decoded together only where the decoder is the same object."""
    bits = torch.randint(0, 2, (1, 800), generator=torch.Generator().manual_seed(0)).byte()
    for decoder in ("numba", "sionna"):
        coding = Coding("qpsk", 0.5, 2, decoder=decoder)
        codec = coding.codec(800)
        assert codec.decoder is coding.codec(808).decoder
        assert isinstance(codec.decoder, {"numba": NumbaDecoder, "sionna": SionnaDecoder}[decoder])
        clear = 10.0 * (1.0 - 2.0 * codec.encode(bits).float())
        outcome = codec.receive(codec.start(1), clear)
        assert bool(outcome.crc_ok)
        assert torch.equal(outcome.bits, bits)


@pytest.mark.parametrize("policy", FAILURE_POLICIES)
def test_an_answer_misheard_harms_nobody(policy: str) -> None:
    """A NACK for nothing and a request that was lost both lead to a whole retransmission."""
    scheme = Conventional(Coding("qpsk", 0.5, 2), ImageCodec(), True, policy, groups=4)
    slot = Slot(30.0, 1e-3, 8e6)
    bits = torch.randint(0, 2, (9000,), generator=torch.Generator().manual_seed(0)).byte()
    codec = scheme.rule.for_file(1125, slot).codec(9000)
    every = torch.ones(1, 4, dtype=torch.bool)
    tx = TxState([bits], [codec], [codec.codewords(bits[None])])
    zeros, none = [torch.zeros_like(bits)], torch.zeros(1, dtype=torch.int64)
    rx = RxState(Shared[Any](None), [codec], [codec.start(1)], zeros, none, none > 0, every)
    feedback = None
    for _ in range(2):
        burst, tx = scheme.transmit(tx, feedback, slot)
        assert int(burst.uses) == codec.uses
        received = Received(burst.x, torch.ones_like(burst.x), torch.full((1, 1), slot.no))
        feedback, rx = scheme.receive(scheme.read_header(rx, burst.header), received, slot)
        assert feedback.ack.all()
        assert feedback.request is not None
        assert not feedback.request.any()
        assert torch.equal(rx.bits[0], bits)


@pytest.mark.parametrize("name", CODECS_HERE)
@pytest.mark.parametrize("policy", FAILURE_POLICIES)
def test_any_bit_errors_end_in_a_image_and_never_in_the_clean_one(
    name: str, policy: str, tiny_weights: Path, folder_data: Path
) -> None:
    """Files that failed, with errors in header and body: `perform` takes what the policy makes."""
    networks = Networks(RunSpec(weights=str(tiny_weights)), "cpu")
    images = open_dataset(str(folder_data)).subset(np.arange(2))
    encoded = EncodedDataset(images, networks.encoder, "cpu", lambda what, done, total: None)
    scheme = Conventional(Coding(), ImageCodec(name, 60), on_failure=policy)
    payload, slot = scheme.encode(encoded, np.zeros(40, np.int64)), Slot(0.0, 1e-3, 8e6)
    tx, rx = scheme.start(payload, slot)
    clean = scheme.perform(replace(rx, bits=tx.bits, ok=torch.ones(40, dtype=torch.bool)))
    generator = torch.Generator().manual_seed(0)
    length = len(tx.bits[0])
    ends = torch.randint(0, length * 4 // 5, (40,), generator=generator)
    ends[::4] = torch.randint(0, 600, (10,), generator=generator)  # the header itself
    wrong = [
        torch.cat([b[:e], torch.randint(0, 2, (length - int(e),), generator=generator).byte()])
        for b, e in zip(tx.bits, ends, strict=True)
    ]
    failed = replace(rx, bits=wrong, good_bits=ends)
    assert all(not len(bits) for bits in scheme.accepted(failed))
    outputs = scheme.perform(failed)
    for got, right in zip(outputs, clean, strict=True):
        assert got.shape == right.shape
        assert torch.isfinite(got).all()
    assert not (outputs.embedding == clean.embedding).all(1).any()
    if policy == "drop":
        assert (outputs.embedding == outputs.embedding[0]).all(), "one gray image for all"


def test_the_limit_of_the_file_is_the_slots() -> None:
    coding = Coding("qpsk", 0.5)
    narrow, wide = Slot(0.0, 1e-3, 2e6), Slot(0.0, 1e-3, 8e6)
    assert coding.most_bytes(narrow) < coding.most_bytes(wide) // 3
    equal_uses = replace(wide, budget="uses")
    assert coding.most_bytes(equal_uses) == coding.largest_file_bytes(wide.features) > 0


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
        ("rate=fast", "rate 'fast' is not a number"),
        ("rate=0.01", "0.0293 to 0.9257"),
        ("rv_order=first", "digits such as 0231"),
        ("base_graph=auto2", "auto, 1 or 2"),
        ("combining=chaos", "nearest: 'chase'"),
        ("retransmission=groups", "nearest: 'group'"),
        ("harq=2", "0 or 1"),
        ("give_up=yes", "0 or 1"),
        ("iterations=0", "iterations 0"),
        ("decoder=numpy", "nearest: 'numba'"),
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


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("target_bler=0", "between 0 and 1"),
        ("target_bler=high", "is not a number"),
        ("modulation=qpsk", "takes no argument 'modulation'"),
        ("groups=0", "groups 0"),
    ],
)
def test_bad_arguments_of_amc_are_one_line(
    argument: str, message: str, tiny_weights: Path, folder_data: Path, tmp_path: Path
) -> None:
    line = ["--scheme", AMC, "--snr", "0", "--data", str(folder_data), "--scheme-arg", argument]
    line += ["--scheme-arg", "retransmission=group"]
    line += ["--weights", str(tiny_weights), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_no_transmission_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="max_transmissions 0 is not"):
        RunSpec(max_transmissions=0)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(
        ValueError, match="payload_bits 0 is not allowed, it must be a whole number from 1"
    ):
        Coding().codec(0)


@pytest.mark.parametrize("pixels", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.empty(0)])
def test_what_is_no_image_is_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"must be uint8 \[h, w, 3\]"):
        ImageCodec().encode(pixels, 1000)
