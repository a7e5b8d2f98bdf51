"""Order, retransmission and stopping: the rules that simulation and training share."""

import numpy as np
import pytest
import torch
from torch import Tensor

from semantic.conventions import CODED_FEATURES
from semantic.link.network import LinkNetwork
from semantic.link.order import FixedOrder, RandomOrder, order_of
from semantic.link.protocol import PROTOCOLS, Protocol
from semantic.link.retransmission import median_of_sent, retransmission_of
from semantic.link.selector import Selection
from semantic.link.stopping import REASONS, StoppingCriterion, stopping_of
from semantic.tasks import TaskOutputs


@pytest.fixture(scope="module")
def network() -> LinkNetwork:
    link = LinkNetwork(5, detector=None)
    link.order.copy_(torch.arange(CODED_FEATURES).flip(0))
    return link


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_fixed_orders_are_those_of_the_network_and_of_f(network: LinkNetwork) -> None:
    ranked, sequential = (
        order_of(Protocol(order=order), network) for order in ("importance", "sequential")
    )
    images, draws = np.array([4, 2]), generator()
    assert torch.equal(ranked.of_images(images), network.order)
    assert torch.equal(sequential.of_images(images), torch.arange(CODED_FEATURES))
    for order in (ranked, sequential):
        assert torch.equal(order.drawn(2, draws), order.of_images(images))
    assert torch.equal(draws.get_state(), generator().get_state()), "nothing was drawn"
    assert isinstance(ranked, FixedOrder)


def test_random_orders_belong_to_the_image_in_a_run_and_are_drawn_in_training(
    network: LinkNetwork,
) -> None:
    order = order_of(PROTOCOLS["smsc-random"], network)
    assert isinstance(order, RandomOrder)
    several = order.of_images(np.array([3, 8]))
    assert torch.equal(order.of_images(np.array([8]))[0], several[1])
    assert not torch.equal(several[0], several[1])
    drawn = order.drawn(2, generator())
    assert torch.equal(drawn, torch.rand(2, CODED_FEATURES, generator=generator()).argsort(1))
    for positions in (*several, *drawn):
        assert torch.equal(positions.sort().values, torch.arange(CODED_FEATURES))


LATEST = Selection(
    torch.tensor([[3, 1, 0], [2, 0, 1]]), torch.tensor([[True, True, True], [True, True, False]])
)
D = torch.zeros(2, CODED_FEATURES)
D[0, [3, 1, 0]] = torch.tensor([0.9, 0.1, 0.5])
D[1, [2, 0, 1]] = torch.tensor([0.2, 0.3, 0.8])


@pytest.mark.parametrize(
    ("retransmit", "limit", "expected"),
    [
        ("none", lambda d, sent: 0.0, None),
        ("all", lambda d, sent: 9.0, [[True, True, True], [True, True, False]]),
        ("distorted", lambda d, sent: 0.4, [[True, False, True], [False, False, False]]),
        ("distorted", median_of_sent, [[True, False, True], [True, True, False]]),
    ],
)
def test_requests(retransmit: str, limit: object, expected: list[list[bool]] | None) -> None:
    asked: list[int] = []

    def distortion() -> Tensor:
        asked.append(1)
        return D

    rule = retransmission_of(retransmit, limit)  # type: ignore[arg-type]
    request = rule.request(LATEST, distortion)
    assert (None if request is None else request.tolist()) == expected
    assert rule.names_features == bool(asked) == (retransmit == "distorted")


def test_without_images_no_distortion_is_computed() -> None:
    def distortion() -> Tensor:
        raise AssertionError("there is nothing to judge")

    none = LATEST.take(torch.tensor([], dtype=torch.int64))
    request = retransmission_of("distorted", median_of_sent).request(none, distortion)
    assert request is not None
    assert request.shape == (0, 3)


def outputs(rows: Tensor) -> TaskOutputs:
    """Certain in every task: U = 0."""
    sure = torch.full((len(rows), 3), -1e9).index_fill(1, torch.tensor([0]), 0.0)
    return TaskOutputs(sure, sure, sure, sure)


def test_how_many_slots_there_are() -> None:
    found = {kind: stopping_of(kind) for kind in ("one", "all", "harq")}  # type: ignore[arg-type]
    most = {kind: rule.transmissions(300, 6) for kind, rule in found.items()}
    assert most == {"one": 1, "all": 4, "harq": 6}
    assert [rule.open_loop for rule in found.values()] == [True, True, False]
    slots = {kind: rule.training_slots(300, 0.6, 6) for kind, rule in found.items()}
    assert slots == {"one": (300, 1), "all": (CODED_FEATURES, 1), "harq": (300, 4)}


def test_answers_and_their_reasons() -> None:
    covered = torch.ones(3, CODED_FEATURES, dtype=torch.bool)
    covered[1, 5] = False
    snr = torch.tensor([0.5, 2.0, 3.0])

    def reasons(kind: str) -> list[str]:
        answer = stopping_of(kind, theta_0=2.0).answer(covered, snr, outputs)  # type: ignore[arg-type]
        assert torch.equal(answer.ack, answer.reason > 0)
        return [REASONS[i] for i in answer.reason.tolist()]

    nack = "transmissions used up"
    assert reasons("one") == ["one shot"] * 3
    assert reasons("all") == ["all of f sent", nack, "all of f sent"]
    assert reasons("harq") == [nack, nack, "stopping criterion met"]


def test_images_below_theta_are_decoded_after_the_last_slot_alone() -> None:
    asked: list[list[int]] = []

    def decode(rows: Tensor) -> TaskOutputs:
        asked.append(rows.tolist())
        return outputs(rows)

    rule, snr = StoppingCriterion(2.0), torch.tensor([0.5, 2.5, 1.5])
    answer = rule.decide(snr, decode)
    final = rule.final_outputs(decode, snr, answer.outputs)
    assert asked == [[1], [0, 2]]
    assert len(final.embedding) == 3
    assert rule.decide(snr * 0.1, decode).outputs is None
    rule.final_outputs(decode, snr, None)
    assert asked[2:] == [[0, 1, 2]]
