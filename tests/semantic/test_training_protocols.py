"""Protocols in training: what each sends, in which order, and what is requested again."""

import pytest
import torch
from toy_link import SEMHARQ, fresh, toy_channel, toy_data

from phy.channels.fading import Rician
from semantic.conventions import CODED_FEATURES
from semantic.link.protocol import PROTOCOLS
from semantic.link.selector import Plan
from semantic.training.link import measure_importance
from semantic.training.loop import LinkData
from semantic.training.round_trip import (
    harq_round_trip,
    play,
    retransmission_request,
    sending_order,
    transmit_slot,
)
from simulator.training.channel import training_channel


@pytest.fixture(scope="module")
def data() -> LinkData:
    return toy_data()


def test_ranking_puts_what_the_decoder_ignores_last(data: LinkData) -> None:
    network = fresh()
    ignored = torch.randperm(CODED_FEATURES, generator=torch.Generator().manual_seed(0))[:300]
    with torch.no_grad():
        network.jsc_decoder.hidden.weight[:, ignored] = 0  # its estimate
    order = measure_importance(network, data.s, toy_channel, torch.Generator().manual_seed(0))
    assert set(order[-300:].tolist()) == set(ignored.tolist())


def test_what_each_protocol_sends() -> None:
    """Two slots of 99: new ones, the same ones, or half of each; by importance or from the front."""
    network = fresh().eval()
    network.order.copy_(torch.randperm(CODED_FEATURES, generator=torch.Generator().manual_seed(3)))
    f = torch.randn(5, CODED_FEATURES, generator=torch.Generator().manual_seed(4))
    first = set(network.order[:99].tolist())
    for name, protocol in PROTOCOLS.items():
        net = fresh(protocol).eval()
        net.order.copy_(network.order)
        generator = torch.Generator().manual_seed(0)
        one, two = (
            play(net, protocol, f, 0.0, 99, slots, toy_channel, generator) for slots in (1, 2)
        )
        begun = [set(row.tolist()) for row in one.latest.position]
        if protocol.order == "random":
            assert len({frozenset(row) for row in begun}) == 5
            continue
        front = first if protocol.order == "importance" else set(range(99))
        assert begun == [front] * 5, name
        shared = [len(front & set(row.tolist())) for row in two.latest.position]
        again = {"none": 0, "all": 99, "distorted": 50}[protocol.retransmit]
        assert shared == [again] * 5, name


def test_random_orders_are_permutations() -> None:
    f, generator = torch.zeros(3, CODED_FEATURES), torch.Generator().manual_seed(0)
    order = sending_order(fresh(), PROTOCOLS["smsc-random"], f, 0.0, generator)
    assert torch.equal(order.sort(1).values, torch.arange(CODED_FEATURES).expand(3, -1))


def test_half_of_what_was_sent_is_asked_for_again(data: LinkData) -> None:
    network = fresh().eval()
    f = network.encode(data.s)
    backwards = network.order.flip(0)
    plan = Plan.empty(24).next(backwards, None, CODED_FEATURES - 30)
    plan = plan.next(network.order, None, 100)  # room for 100, only 30 are left
    generator = torch.Generator().manual_seed(0)
    buffer, _ = transmit_slot(f, network.empty_buffer(24), plan, 0.0, toy_channel, generator)
    assert plan.selection is not None
    asked = retransmission_request(network, SEMHARQ, buffer, plan.selection, f)
    assert asked is not None
    assert asked.sum(1).tolist() == [16] * 24  # those at the lower median or above
    assert not (asked & ~plan.selection.sent).any()


def test_the_genie_asks_for_the_largest_errors() -> None:
    protocol = PROTOCOLS["semharq-oracle"]
    network = fresh(protocol).eval()
    f = torch.randn(4, CODED_FEATURES, generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(0)
    played = play(network, protocol, f, 0.0, 60, 1, toy_channel, generator)
    asked = retransmission_request(network, protocol, played.buffer, played.latest, played.sent)
    assert asked is not None
    error = (played.buffer.received() - played.sent).abs().gather(1, played.latest.position)
    assert error[asked].min() > 0
    assert (error.masked_fill(~asked, 9e9).amin(1) >= error.masked_fill(asked, 0).amax(1)).all()


def test_gradient_stays_finite_when_there_is_nothing_left_to_send(data: LinkData) -> None:
    protocol = PROTOCOLS["ik-s-harq"]
    network = fresh(protocol).train()
    channel = training_channel(Rician(), "cpu")
    generator = torch.Generator().manual_seed(0)
    s_hat, outputs = harq_round_trip(network, protocol, data.s, 0.0, 600, 4, channel, generator)
    (s_hat.sum() + outputs.vehicle.sum()).backward()
    assert all(torch.isfinite(p.grad).all() for p in network.jsc_encoder.parameters())
