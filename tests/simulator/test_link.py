"""The path, walked by a hand-made scheme that wants each image to be sent k times."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor

from phy.channel import NOISE_ROLE, Channel, Received
from phy.channels.fading import Rician
from phy.streams import Streams
from semantic.tasks import TaskOutputs
from simulator.encoded_dataset import EncodedDataset
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.scheme import Burst, Feedback, Payload, Scheme, take
from simulator.slots import Slot

SLOT = Slot(0.0, 1e-3, 30e3)
USES, REQUEST_BITS, G = 6, 5, 4


@dataclass(frozen=True)
class Memory:
    wanted: Tensor
    heard: list[list[complex]]
    rounds: int = 0


class Countdown(Scheme):
    """Sends ones; the receiver writes down what it hears and asks k - 1 times for more."""

    reasons = ("gave up", "heard enough")
    side_information_bits = 3

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        raise NotImplementedError

    def start(self, payload: Payload, slot: Slot) -> tuple[Tensor, Memory]:
        wanted = payload.tensors["wanted"]
        return wanted, Memory(wanted, [[] for _ in wanted])

    def transmit(self, tx: Tensor, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Tensor]:
        if feedback is not None:
            assert not feedback.ack.any()  # who has enough is not in the batch any more
            assert feedback.request is not None
            assert torch.equal(feedback.request[:, 0], tx)  # requests stay with their image
        uses = torch.full((len(tx),), USES)
        return Burst(torch.ones(len(tx), USES, dtype=torch.complex64), uses), tx

    def receive(self, rx: Memory, received: Received, slot: Slot) -> tuple[Feedback, Memory]:
        heard = [[*old, *row] for old, row in zip(rx.heard, received.y.tolist(), strict=True)]
        rounds = rx.rounds + 1
        ack = rx.wanted <= rounds
        bits = torch.full((len(ack),), REQUEST_BITS)
        request = rx.wanted[:, None].expand(-1, 2)
        return Feedback(ack, request, bits, ack.to(torch.int8)), Memory(rx.wanted, heard, rounds)

    def perform(self, rx: Memory) -> TaskOutputs:
        rows = torch.zeros(len(rx.heard), G * USES, dtype=torch.complex64)
        for row, heard in zip(rows, rx.heard, strict=True):
            row[: len(heard)] = torch.tensor(heard)
        flat = torch.view_as_real(rows).flatten(1)
        return TaskOutputs(flat, flat[:, :4], flat[:, :3], flat[:, :2])


class Coded(Countdown):
    """The same with k bits for an image that is sent k times, accepted when it has enough."""

    def offered(self, tx: Tensor) -> list[Tensor]:
        return [torch.ones(k) for k in tx.tolist()]

    def accepted(self, rx: Memory) -> list[Tensor]:
        return [torch.ones(k if k <= rx.rounds else 0) for k in rx.wanted.tolist()]


@dataclass
class Recorded(Channel):
    """Rician fading that remembers who drew what; its state counts the slots of each image."""

    drawn: dict[tuple[int, int], Tensor] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)

    def draw(
        self, streams: Streams, uses: int, state: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        h, _ = Rician().draw(streams, uses, None)
        state = torch.zeros(len(streams)) if state is None else state
        assert (state == streams.transmission).all()
        self.rows.append(len(streams))
        for image, gains in zip(streams.images.tolist(), h, strict=True):
            self.drawn[image, streams.transmission] = gains
        return h, state + 1


def walk(
    wanted: list[int],
    images: list[int] | None = None,
    channel: Channel | None = None,
    scheme: Scheme | None = None,
) -> tuple[TaskOutputs, Ledger]:
    index = np.arange(len(wanted)) if images is None else np.array(images)
    payload = Payload({"wanted": torch.tensor(wanted)})
    streams = Streams(0, "cell", index)
    scheme = scheme or Countdown()
    return run_link(scheme, payload, channel or Recorded(), SLOT, streams, G)


WANTED = [1, 3, 2, 9, 1, 4]


def test_every_image_stops_with_its_own_ack() -> None:
    _, ledger = walk(WANTED)
    sent = [min(k, G) for k in WANTED]
    assert ledger.transmissions.tolist() == sent
    assert ledger.slots.tolist() == sent
    assert ledger.channel_uses.tolist() == [USES * n for n in sent]
    assert ledger.energy.tolist() == [USES * n for n in sent]
    assert ledger.side_information_bits.tolist() == [3 * n for n in sent]
    assert ledger.latency_s.tolist() == pytest.approx([1e-3 * n for n in sent])
    assert ledger.reason.tolist() == [int(k <= G) for k in WANTED]


def test_feedback_is_a_bit_per_round_and_a_request_per_retransmission() -> None:
    _, ledger = walk(WANTED)
    assert ledger.feedback_bits.tolist() == [
        min(k, G) + REQUEST_BITS * (min(k, G) - 1) for k in WANTED
    ]


def test_bits_are_counted_when_their_image_stops() -> None:
    _, analog = walk(WANTED)
    assert analog.information_bits.tolist() == analog.delivered_bits.tolist() == [0] * len(WANTED)
    _, coded = walk(WANTED, scheme=Coded())
    assert coded.information_bits.tolist() == WANTED
    assert coded.delivered_bits.tolist() == [k if k <= G else 0 for k in WANTED]


def test_finished_images_leave_the_batch() -> None:
    channel = Recorded()
    walk(WANTED, channel=channel)
    assert channel.rows == [6, 4, 3, 2]
    assert set(channel.drawn) == {
        (image, slot) for image, k in enumerate(WANTED) for slot in range(min(k, G))
    }


def test_who_leaves_changes_nothing_for_who_stays() -> None:
    alone, together = Recorded(), Recorded()
    mine, _ = walk([4], images=[3], channel=alone)
    ours, _ = walk([1, 2, 1, 4, 3, 1], channel=together)
    for slot in range(4):
        assert torch.equal(alone.drawn[3, slot], together.drawn[3, slot])
    assert torch.equal(mine.embedding[0], ours.embedding[3])


def test_each_image_hears_its_own_fading() -> None:
    channel = Recorded()
    outputs, _ = walk(WANTED, channel=channel)
    heard = torch.view_as_complex(outputs.embedding.view(len(WANTED), -1, 2))
    for image, k in enumerate(WANTED):
        for slot in range(min(k, G)):
            noise = (
                Streams(0, "cell", np.array([image]), slot).for_role("noise").for_role(NOISE_ROLE)
            )
            y = channel.drawn[image, slot] + noise.complex_normal(USES)[0] * SLOT.no**0.5
            assert torch.allclose(heard[image, slot * USES : (slot + 1) * USES], y, atol=1e-6)
        assert (heard[image, min(k, G) * USES :] == 0).all()


@pytest.mark.parametrize("size", [1, 2, 5])
def test_batch_split_changes_nothing(size: int) -> None:
    whole, ledger = walk(WANTED)
    parts = [
        walk(WANTED[i : i + size], images=list(range(i, min(i + size, len(WANTED)))))
        for i in range(0, len(WANTED), size)
    ]
    for column, values in enumerate(whole):
        assert torch.equal(torch.cat([outputs[column] for outputs, _ in parts]), values)
    joined = Ledger.join([part for _, part in parts])
    assert joined.feedback_bits.tolist() == ledger.feedback_bits.tolist()
    assert joined.reason.tolist() == ledger.reason.tolist()


def test_taking_rows_of_a_state() -> None:
    memory = Memory(torch.tensor([5, 6, 7]), [[1j], [2j], [3j]], rounds=2)
    part = take(memory, torch.tensor([2, 0]))
    assert part.wanted.tolist() == [7, 5]
    assert part.heard == [[3j], [1j]]
    assert part.rounds == 2
    assert take(np.arange(6).reshape(3, 2), torch.tensor([1])).tolist() == [[2, 3]]
    feedback = Feedback(torch.tensor([True, False]), None, torch.tensor([1, 2]), torch.zeros(2))
    assert take(feedback, torch.tensor([1])).request_bits.tolist() == [2]
    with pytest.raises(TypeError, match="holds a dict, which has no rows"):
        take({"a": torch.zeros(2)}, torch.tensor([0]))
