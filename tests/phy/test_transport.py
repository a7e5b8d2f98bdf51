"""The transport-block codec: sizes, HARQ as a value, gains of combining, and Sionna's chain."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sionna_blocks import sionna_on_the_cpu
from torch import Tensor

from phy.coding.soft_buffer import Reception
from phy.coding.transport import TransportCodec, receive_many
from phy.modulation import BITS_PER_SYMBOL, Modulation


def payload(codec: TransportCodec, batch: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 2, (batch, codec.payload_bits), generator=generator, dtype=torch.uint8)


def llrs(codec: TransportCodec, bits: Tensor, j: int, snr_db: float, seed: int = 0) -> Tensor:
    """One round over AWGN."""
    modulation = Modulation(codec.modulation)
    generator = torch.Generator().manual_seed(seed + 1000 * j)
    x = modulation.map(codec.encode(bits, j))
    no = 10 ** (-snr_db / 10)
    noise = torch.randn(x.shape, generator=generator, dtype=torch.complex64)
    return modulation.demap(x + no**0.5 * noise, torch.ones(1, 1), no)


def rounds(codec: TransportCodec, batch: int, snr_db: float, count: int) -> list[Reception]:
    bits, buffer, outcome = payload(codec, batch), codec.start(batch), []
    for j in range(count):
        outcome.append(codec.receive(buffer, llrs(codec, bits, j, snr_db), j))
        buffer = outcome[-1].buffer
        right = (outcome[-1].bits == bits).all(dim=1)
        assert bool((right | ~outcome[-1].crc_ok).all())
    return outcome


@pytest.mark.parametrize("modulation", BITS_PER_SYMBOL)
@pytest.mark.parametrize("bits", [1, 8, 100, 3824, 3825, 8424, 8425, 20_001])
@pytest.mark.parametrize("rate", [30 / 1024, 0.2, 0.75, 0.92])
def test_any_payload_arrives_when_it_is_clear(modulation: str, bits: int, rate: float) -> None:
    for base_graph in (1, 2):
        codec = TransportCodec(bits, rate, modulation, base_graph)
        wanted = codec.blocks * codec.code.k / rate
        assert -1e-3 <= codec.coded_bits - wanted < 1 + BITS_PER_SYMBOL[modulation]
        assert codec.uses * BITS_PER_SYMBOL[modulation] == codec.coded_bits
        assert max(codec.block_lengths) - min(codec.block_lengths) <= BITS_PER_SYMBOL[modulation]
        sent = payload(codec, 2)
        clear = 10.0 * (1.0 - 2.0 * codec.encode(sent).float())
        outcome = codec.receive(codec.start(2), clear)
        # The code of the smallest blocks loses the two columns that are never sent at high rates.
        if rate < 0.9 or bits >= 3824:
            assert outcome.crc_ok.all()
            assert torch.equal(outcome.bits, sent)


def test_megabytes() -> None:
    codec = TransportCodec(8_000_000)
    sent = payload(codec, 1)
    outcome = codec.receive(codec.start(1), 5.0 * (1.0 - 2.0 * codec.encode(sent).float()))
    assert bool(outcome.crc_ok)
    assert torch.equal(outcome.bits, sent)


@pytest.mark.parametrize(("bits", "rate"), [(1032, 0.5), (8064, 0.75), (20_496, 0.6)])
def test_first_round_equals_sionnas_transport_block(bits: int, rate: float) -> None:
    nr = sionna_on_the_cpu("nr")
    base_graph = 2 if bits <= 3824 and rate <= 0.67 else 1
    codec = TransportCodec(bits, rate, "16qam", base_graph)
    encoder = nr.TBEncoder(
        target_tb_size=bits, num_coded_bits=codec.coded_bits, target_coderate=rate,
        num_bits_per_symbol=4, use_scrambler=False,
    )  # fmt: skip
    assert encoder.k_padding == 0
    sent = payload(codec, 2)
    expected = encoder(sent.float()).reshape(2, -1).to(torch.uint8)
    assert encoder.num_cbs == codec.blocks
    torch.testing.assert_close(codec.encode(sent), expected)


@pytest.mark.parametrize("combining", ["ir", "chase"])
def test_rounds_add_up(combining: str) -> None:
    codec = TransportCodec(2000, modulation="qpsk", combining=combining)  # type: ignore[arg-type]
    acks = [int(r.crc_ok.sum()) for r in rounds(codec, 20, -0.6, 4)]
    assert acks[0] == 0
    assert acks == sorted(acks)
    assert acks[-1] == 20


def _threshold_db(combining: str, count: int, low: float, high: float) -> float:
    """SNR where half of the blocks need more than `count` rounds, to 0.1 dB."""
    codec = TransportCodec(6000 - 24, 0.75, "bpsk", combining=combining)  # type: ignore[arg-type]
    while high - low > 0.1:
        middle = (low + high) / 2
        share = float(rounds(codec, 20, middle, count)[-1].crc_ok.float().mean())
        low, high = (low, middle) if share >= 0.5 else (middle, high)
    return (low + high) / 2


def test_gains_of_chase_and_incremental_redundancy() -> None:
    """Chase: 10 log10 L. Incremental redundancy: 1.8 to 2.0 dB more at rate 3/4 (+- 0.3 dB)."""
    once = _threshold_db("chase", 1, 0.0, 2.0)
    assert once == pytest.approx(0.85, abs=0.2)
    for count in (2, 4):
        gain = 10 * np.log10(count)
        chase = _threshold_db("chase", count, once - gain - 0.8, once - gain + 0.8)
        assert once - chase == pytest.approx(gain, abs=0.15)
        more = _threshold_db("ir", count, chase - 3.2, chase - 0.6)
        assert 1.5 < chase - more < 2.3


def test_what_is_right_stays_and_is_not_decoded_again() -> None:
    codec = TransportCodec(30_000, modulation="bpsk")
    bits = payload(codec, 3)
    first = llrs(codec, bits, 0, 3.0)
    first[:, : codec.block_lengths[0]] = 0.0
    outcome = codec.receive(codec.start(3), first)
    assert not outcome.crc_ok.any()
    assert outcome.block_ok.tolist() == [[False, True, True, True]] * 3
    # The second round is noise for the blocks that are right: they do not care.
    second = llrs(codec, bits, 1, 3.0)
    second[:, codec.block_lengths[0] :] = -30.0
    second[:, : codec.block_lengths[0]] *= 2
    again = codec.receive(outcome.buffer, second, 1)
    assert torch.equal(again.block_ok, outcome.block_ok | again.block_ok)
    assert torch.equal(again.bits[:, 8000:], bits[:, 8000:])
    third = codec.receive(again.buffer, llrs(codec, bits, 2, 3.0), 2)
    assert third.crc_ok.all()
    assert torch.equal(third.bits, bits)


def test_buffers_are_values() -> None:
    codec = TransportCodec(500)
    buffer = codec.start(2)
    before = buffer.llr.clone()
    llr = llrs(codec, payload(codec, 2), 0, 20.0)
    one, two = codec.receive(buffer, llr), codec.receive(buffer, llr)
    assert torch.equal(buffer.llr, before)
    assert torch.equal(one.buffer.llr, two.buffer.llr)
    assert not buffer.block_ok.any()
    assert one.buffer.select(torch.tensor([1])).llr.shape[0] == 1


def test_different_sizes_at_once_equal_one_by_one() -> None:
    codecs = [TransportCodec(a) for a in (8000, 8001, 8100, 30_000, 100)]
    sent = [payload(c, 3, i) for i, c in enumerate(codecs)]
    soft = [llrs(c, b, 0, 10.0, i) for i, (c, b) in enumerate(zip(codecs, sent, strict=True))]
    together = receive_many(codecs, [c.start(3) for c in codecs], soft, [0] * len(codecs))
    for codec, llr, outcome in zip(codecs, soft, together, strict=True):
        alone = codec.receive(codec.start(3), llr)
        assert torch.equal(alone.bits, outcome.bits)
        assert torch.equal(alone.crc_ok, outcome.crc_ok)


@pytest.mark.parametrize("give_up", [True, False])
def test_silence_is_not_an_ack(give_up: bool) -> None:
    codec = TransportCodec(100, give_up=give_up)
    assert not codec.receive(codec.start(2), torch.zeros(2, codec.coded_bits)).crc_ok.any()


def test_a_payload_of_zeros_is_an_ack() -> None:
    codec = TransportCodec(100)
    zeros = torch.zeros(1, 100, dtype=torch.uint8)
    assert codec.receive(codec.start(1), llrs(codec, zeros, 0, 15.0)).crc_ok.all()


def test_redundancy_versions_of_the_rounds() -> None:
    assert [TransportCodec(100).redundancy_version(j) for j in range(5)] == [0, 2, 3, 1, 0]
    assert [TransportCodec(100, combining="chase").redundancy_version(j) for j in (0, 3)] == [0, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"payload_bits": 0}, "must be a whole number from 1"),
        ({"payload_bits": 8, "rate": 0.95}, "must be 0.0293 to 0.9257"),
        ({"payload_bits": 8, "rate": 0.02}, "rate 0.02 is not allowed"),
        ({"payload_bits": 8, "modulation": "256qam"}, "'256qam' is not one of bpsk"),
        ({"payload_bits": 8, "base_graph": 3}, "3 is not one of 1, 2"),
        ({"payload_bits": 8, "rv_order": (0, 4)}, "must be of 0, 1, 2, 3"),
        ({"payload_bits": 8, "combining": "max"}, "'max' is not one of ir, chase"),
    ],
)
def test_refused_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TransportCodec(**options)  # type: ignore[arg-type]


def test_refused_inputs() -> None:
    codec = TransportCodec(100)
    with pytest.raises(ValueError, match=r"must be \[batch, 100\]"):
        codec.encode(torch.zeros(1, 99))
    with pytest.raises(ValueError, match="LLRs have shape"):
        codec.receive(codec.start(1), torch.zeros(1, 5))
    with pytest.raises(ValueError, match="not a number"):
        codec.receive(codec.start(1), torch.full((1, codec.coded_bits), torch.nan))


@pytest.mark.parametrize("odd", [2, 255, 0.7, float("nan")])
def test_a_payload_holds_bits(odd: float) -> None:
    payload = torch.zeros(1, 100, dtype=torch.float32)
    payload[0, 3] = odd
    with pytest.raises(ValueError, match="other values than 0 and 1"):
        TransportCodec(100, 0.5, "qpsk", 2).encode(payload)
