"""The feedback link: how often it errs, what both ends then do, and what it costs."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from phy.channel import Channel, Received
from phy.channels.fading import Rician
from phy.streams import Streams
from semantic.tasks import TaskOutputs
from simulator.encoded_dataset import EncodedDataset
from simulator.feedback import ERROR_FREE, FeedbackLink
from simulator.ledger import FALSE_ACK, Ledger
from simulator.link import run_link
from simulator.scheme import Burst, Feedback, Payload, Scheme
from simulator.slots import Slot

CRC_BITS, REQUEST_BITS, USES, G = 11, 5, 6, 4


SLOT = Slot(0.0, 1e-3, 30e3)


def streams(images: int, slot: int = 0) -> Streams:
    return Streams(3, "cell", np.arange(images), slot, "/feedback")


def answers(ack: Tensor, width: int | None = None, bits: int | None = None) -> Feedback:
    """Answers; requests of half the features, drawn once."""
    n = len(ack)
    request = None
    if width is not None:
        request = torch.rand(n, width, generator=torch.Generator().manual_seed(0)) < 0.5
    length = torch.full((n,), (width or 0) if bits is None else bits)
    return Feedback(ack, request, length, ack.to(torch.int8))


def plausible(hits: Tensor, probability: float) -> bool:
    """Exact binomial test at 1e-3."""
    return stats.binomtest(int(hits.sum()), hits.numel(), probability).pvalue > 1e-3


def test_a_perfect_link_hands_the_answers_on() -> None:
    sent = answers(torch.tensor([True, False]), 7)
    assert ERROR_FREE.carry(sent, streams(2)) is sent


@pytest.mark.parametrize("error", [0.01, 0.2, 0.5])
def test_bits_flip_as_often_as_they_should(error: float) -> None:
    n = 8000
    ack = torch.arange(n) % 2 == 0
    heard = FeedbackLink(error).carry(answers(ack), streams(n))
    flipped = heard.ack != ack
    assert plausible(flipped[ack], error)
    assert plausible(flipped[~ack], error)
    assert heard.request is None
    assert heard.request_received is None


@pytest.mark.parametrize("error", [0.005, 0.05])
@pytest.mark.parametrize("width", [16, 101])
def test_a_request_is_heard_when_no_bit_of_it_flips(error: float, width: int) -> None:
    n = 4000
    sent = answers(torch.zeros(n, dtype=torch.bool), width)
    heard = FeedbackLink(error).carry(sent, streams(n))
    assert heard.request is not None
    assert heard.request_received is not None
    right = (heard.request == sent.request).all(1) & heard.request_received
    whole = (1 - error) ** (width + CRC_BITS)
    # a word with errors passes the CRC about once in 2^11
    assert plausible(right, whole)
    assert int((heard.request_received & ~right).sum()) <= stats.binom(n, 2.0**-11).ppf(0.9999)
    assert not heard.request[~heard.request_received].any()
    assert (heard.request_bits == width + CRC_BITS).all()


def test_noise_passes_the_crc_once_in_2048() -> None:
    n = 20_000
    acks = FeedbackLink(1e-9).carry(answers(torch.ones(n, dtype=torch.bool), 20), streams(n))
    noise = FeedbackLink(0.5).carry(answers(torch.zeros(n, dtype=torch.bool), 20), streams(n))
    for heard in (acks, noise):  # no request was sent; nothing but noise arrived
        assert heard.request_received is not None
        assert plausible(heard.request_received, 2.0**-11)


def test_requests_that_are_not_sent_cannot_be_misheard() -> None:
    sent = answers(torch.zeros(500, dtype=torch.bool), 9, bits=0)
    heard = FeedbackLink(0.3).carry(sent, streams(500))
    assert torch.equal(heard.request, sent.request)
    assert heard.request_received.all()
    assert (heard.request_bits == 0).all()


def test_answers_do_not_depend_on_their_company() -> None:
    sent = answers(torch.arange(50) % 3 == 0, 30)
    link = FeedbackLink(0.03)
    whole = link.carry(sent, streams(50))
    index = np.array([17, 4, 33])
    part = link.carry(
        Feedback(*(None if v is None else v[index] for v in sent)), streams(50).rows(index, 0)
    )
    for mine, ours in zip(part, whole, strict=True):
        assert torch.equal(mine, ours[index])


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"error": 1.5}, "feedback_error is 1.5, it must be from 0 to 1"),
        ({"error": float("nan")}, "feedback_error is nan"),
        ({"error": "often"}, "feedback_error is 'often'"),
        ({"delay_slots": -1}, "feedback_delay is -1, it must be a whole number of slots"),
        ({"delay_slots": 0.5}, "feedback_delay is 0.5"),
    ],
)
def test_what_is_not_allowed_is_named(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        FeedbackLink(**arguments)


@dataclass(frozen=True)
class Memory:
    wanted: Tensor
    heard: Tensor


class Countdown(Scheme):
    """Sends ones; its receiver wants k transmissions of each image and counts what came."""

    reasons = ("gave up", "heard enough")

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        raise NotImplementedError

    def start(self, payload: Payload, slot: Slot) -> tuple[Tensor, Memory]:
        wanted = payload.tensors["wanted"]
        return wanted, Memory(wanted, torch.zeros_like(wanted))

    def transmit(self, tx: Tensor, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Tensor]:
        assert feedback is None or not feedback.ack.any()
        x = torch.ones(len(tx), USES, dtype=torch.complex64)
        return Burst(x, torch.full((len(tx),), USES)), tx

    def receive(self, rx: Memory, received: Received, slot: Slot) -> tuple[Feedback, Memory]:
        rx = replace(rx, heard=rx.heard + 1)
        ack = rx.wanted <= rx.heard
        bits = torch.full((len(ack),), REQUEST_BITS)
        request = torch.ones(len(ack), REQUEST_BITS, dtype=torch.bool)
        return Feedback(ack, request, bits, ack.to(torch.int8)), rx

    def perform(self, rx: Memory) -> TaskOutputs:
        heard = rx.heard[:, None].float()
        return TaskOutputs(heard, heard, heard, heard)


class OneShot(Countdown):
    open_loop = True

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        return 1


def walk(
    wanted: list[int],
    link: FeedbackLink,
    scheme: Scheme | None = None,
    channel: Channel | None = None,
    rows: list[int] | None = None,
) -> tuple[list[int], Ledger]:
    """(transmissions that each receiver has used, costs)."""
    payload = Payload({"wanted": torch.tensor(wanted)})
    index = np.arange(len(wanted)) if rows is None else np.array(rows)
    outputs, ledger = run_link(
        scheme or Countdown(), payload, channel or Rician(), SLOT, Streams(0, "c", index), G, link
    )
    return outputs.embedding[:, 0].int().tolist(), ledger


WANTED = [1, 3, 2, 9, 1, 4]


def test_without_errors_nothing_changes() -> None:
    _, plain = walk(WANTED, ERROR_FREE)
    _, ledger = walk(WANTED, FeedbackLink(1e-12))  # a CRC on every request, never a flip
    for name, values in vars(plain).items():
        if name != "feedback_bits":
            assert torch.equal(getattr(ledger, name), values), name
    requests = plain.transmissions - 1
    assert torch.equal(ledger.feedback_bits, plain.feedback_bits + CRC_BITS * requests)


def test_a_link_that_always_errs() -> None:
    heard, ledger = walk(WANTED, FeedbackLink(1.0))
    # A NACK ends the image with its first transmission; an ACK is not believed to the end.
    assert heard == ledger.transmissions.tolist() == [G if k == 1 else 1 for k in WANTED]
    assert ledger.reason.tolist() == [1 if k == 1 else FALSE_ACK for k in WANTED]
    assert ledger.channel_uses.tolist() == [USES * n for n in heard]
    # one bit an answer; a request with its CRC where the receiver said NACK
    spent = [G if k == 1 else 1 + REQUEST_BITS + CRC_BITS for k in WANTED]
    assert ledger.feedback_bits.tolist() == spent


@pytest.mark.parametrize("error", [0.1, 0.4])
def test_how_long_images_go_on(error: float) -> None:
    """Who wants one is sent again with each ACK lost, who wants all ends with the first NACK."""
    n = 2000
    for wanted in (1, G):
        heard, ledger = walk([wanted] * n, FeedbackLink(error))
        go_on = error if wanted == 1 else 1 - error
        times = torch.tensor(heard)
        for j in range(1, G):
            assert plausible(times[times >= j] > j, go_on)
        false = (ledger.reason == FALSE_ACK) == (times < wanted)
        assert false.all()


def test_batch_split_changes_nothing() -> None:
    link = FeedbackLink(0.2)
    heard, ledger = walk(WANTED, link)
    for i, wanted in enumerate(WANTED):
        mine, own = walk([wanted], link, rows=[i])
        assert mine == [heard[i]]
        for name, values in vars(own).items():
            assert values.item() == getattr(ledger, name)[i].item(), name


def test_delay_is_waited_for_before_every_retransmission() -> None:
    _, plain = walk(WANTED, ERROR_FREE)
    _, late = walk(WANTED, FeedbackLink(delay_slots=8))
    waits = 8e-3 * (plain.transmissions - 1)
    assert torch.allclose(late.latency_s, plain.latency_s + waits)
    for name, values in vars(plain).items():
        if name != "latency_s":
            assert torch.equal(getattr(late, name), values), name


class Clock(Channel):
    """h is the number of slots since the image's first."""

    def __init__(self) -> None:
        self.read: list[float] = []

    def draw(self, streams: Streams, uses: int, state: Any) -> tuple[Tensor, Any]:
        state = torch.zeros(len(streams), 1) if state is None else state
        return torch.complex(state, torch.zeros_like(state)), state + 1

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Streams) -> Received:
        self.read += h.real.flatten().tolist()
        return super().apply(x, h, no, streams)


def test_a_channel_with_memory_moves_on_while_the_answer_is_under_way() -> None:
    for delay in (0, 3):
        clock = Clock()
        walk([9], FeedbackLink(delay_slots=delay), channel=clock)
        assert clock.read == [j * (1 + delay) for j in range(G)]


def test_who_waits_for_no_answer_minds_no_feedback() -> None:
    _, plain = walk(WANTED, ERROR_FREE, OneShot())
    _, ledger = walk(WANTED, FeedbackLink(1.0, 5), OneShot())
    for name, values in vars(plain).items():
        assert torch.equal(getattr(ledger, name), values), name
