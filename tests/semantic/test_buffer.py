"""The receiver's buffers, against the textbook of maximum-ratio combining."""

import pytest
import torch
from torch import Tensor

from semantic.conventions import CODED_FEATURES
from semantic.link.buffer import (
    BUFFERS,
    CONCATENATED,
    Buffer,
    Combining,
    Concatenating,
    SlotFeatures,
)
from semantic.link.selector import Selection

ROWS = 48


def selection(positions: Tensor, sent: Tensor | None = None) -> Selection:
    position = positions.expand(ROWS, -1)
    return Selection(
        position, torch.ones_like(position, dtype=torch.bool) if sent is None else sent
    )


def received(
    f: Tensor, chosen: Selection, no: float, generator: torch.Generator
) -> tuple[SlotFeatures, Tensor]:
    """One slot over fast Rayleigh fading, by hand: (features, |h|^2 2 / no)."""
    shape = chosen.position.shape

    def circular() -> Tensor:
        return torch.complex(*torch.randn(2, *shape, generator=generator)) * 0.5**0.5

    h = circular()
    y = h * chosen.gather(f) + no**0.5 * circular()
    weight = h.abs().square() * 2 / no
    return SlotFeatures(chosen, (h.conj() * y).real * 2 / no, weight), weight


@pytest.mark.parametrize("copies", [1, 2, 5])
def test_combining_adds_up_snrs_and_stays_unbiased(copies: int) -> None:
    generator = torch.Generator().manual_seed(copies)
    f = torch.randn(ROWS, CODED_FEATURES, generator=generator)
    chosen = selection(torch.randperm(CODED_FEATURES, generator=generator))
    buffer, snr = Combining.empty(ROWS), torch.zeros(ROWS, CODED_FEATURES)
    for j in range(copies):
        slot, weight = received(f, chosen, no=0.5 + j, generator=generator)
        buffer, snr = buffer.add(slot), snr + chosen.spread(weight)
    assert torch.allclose(buffer.weight, snr, rtol=1e-5)
    # z_hat - f ~ N(0, 1 / SNR), feature by feature
    unit = ((buffer.received() - f) * snr.sqrt()).double()
    n = unit.numel()
    assert abs(unit.mean()) < 4 / n**0.5
    assert abs(unit.square().mean() - 1) < 4 * (2 / n) ** 0.5


def test_decoder_input_is_the_mmse_estimate_and_its_reliability() -> None:
    generator = torch.Generator().manual_seed(0)
    f = torch.randn(ROWS, CODED_FEATURES, generator=generator)
    chosen = selection(torch.arange(CODED_FEATURES))
    slot, weight = received(f, chosen, 1.0, generator)
    estimate, reliability = Combining.empty(ROWS).add(slot).decoder_input().chunk(2, 1)
    assert torch.allclose(reliability, weight / (1 + weight), atol=1e-6)
    # of all multiples of the matched filter's output, this one has the least error: 1 / (1 + SNR)
    error = (estimate - f).square() * (1 + weight)
    n = error.numel()
    assert abs(error.double().mean() - 1) < 4 * (2 / n) ** 0.5


@pytest.mark.parametrize("name", BUFFERS)
def test_what_was_not_sent_stays_zero(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    f = torch.randn(ROWS, CODED_FEATURES, generator=generator)
    positions = torch.tensor([5, 900, 17, 3])
    sent = torch.tensor([True, True, False, True]).expand(ROWS, -1)  # the slot had room for 17
    empty = BUFFERS[name].empty(ROWS)
    buffer: Buffer = empty.add(received(f, selection(positions, sent), 1.0, generator)[0])
    untouched = torch.ones(CODED_FEATURES, dtype=torch.bool)
    untouched[[5, 900, 3]] = False
    assert (buffer.received()[:, untouched] == 0).all()
    assert (buffer.received()[:, ~untouched] != 0).all()
    inputs = buffer.decoder_input().view(ROWS, -1, CODED_FEATURES)
    assert (inputs[:, :, untouched] == 0).all()
    assert buffer.decoder_input().shape[1] == BUFFERS[name].inputs
    assert (empty.decoder_input() == 0).all()  # the old value is as it was


@pytest.mark.parametrize("name", BUFFERS)
def test_taking_rows_and_adding_commute(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    f = torch.randn(ROWS, CODED_FEATURES, generator=generator)
    slots = [received(f, selection(torch.arange(j, 500)), 1.0, generator)[0] for j in range(3)]
    rows = torch.tensor([7, 0, 21])
    whole, part = BUFFERS[name].empty(ROWS), BUFFERS[name].empty(ROWS).take(rows)
    for slot in slots:
        whole = whole.add(slot)
        mine = SlotFeatures(slot.selection.take(rows), slot.matched[rows], slot.weight[rows])
        part = part.add(mine)
    assert torch.equal(whole.take(rows).decoder_input(), part.decoder_input())
    assert torch.equal(whole.take(rows).received(), part.received())


def test_concatenating_puts_transmissions_side_by_side() -> None:
    generator = torch.Generator().manual_seed(0)
    f = torch.randn(ROWS, CODED_FEATURES, generator=generator)
    buffer = Concatenating.empty(ROWS)
    alone = []
    for j in range(CONCATENATED + 1):
        chosen = selection(torch.arange(10 * j, 10 * j + 20))  # half of it again
        slot, weight = received(f, chosen, 1.0, generator)
        buffer = buffer.add(slot)
        alone.append(chosen.spread(slot.matched / (1 + weight)))
        newest = slot.matched / weight
        assert torch.allclose(buffer.received()[:, 10 * j : 10 * j + 20], newest, rtol=1e-4)
    vectors = buffer.decoder_input().view(ROWS, CONCATENATED, CODED_FEATURES)
    assert torch.allclose(vectors[:, 1:], torch.stack(alone[1:CONCATENATED], 1))
    assert torch.allclose(vectors[:, 0], alone[CONCATENATED])  # the 17th takes the oldest place
    # the last estimate of each feature, also of those whose slot has left the buffer
    assert (buffer.received()[:, :10] != 0).all()
