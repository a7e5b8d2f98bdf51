"""The other protocols of the learned links: IK-S-HARQ, RT-S-HARQ, SMSC, random orders and the genie."""

import math

import numpy as np
import pytest
import torch
from random_links import IDENTITIES, IMAGES, random_link, send, slot_at

from phy.channel import Received
from semantic.conventions import CODED_FEATURES
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.buffer import SlotFeatures
from semantic.link.protocol import PROTOCOLS
from semantic.link.selector import Selection
from simulator.scheme_arguments import SemanticHarqArguments
from simulator.schemes.semantic_harq import SemanticHarq

IK = PROTOCOLS["ik-s-harq"]


@pytest.fixture(scope="module")
def encoder() -> MultiTaskNetwork:
    return MultiTaskNetwork(IDENTITIES)  # never asked: s is given


def test_without_fde_all_features_go_once_and_then_nothing(encoder: MultiTaskNetwork) -> None:
    slot = slot_at(-10.0, 200_000)  # B = 429: 429 + 429 + 166
    assert 2 * slot.features < CODED_FEATURES < 3 * slot.features
    scheme = SemanticHarq(
        encoder, random_link(detector=None), IK, SemanticHarqArguments(theta_0_db=60.0)
    )
    _, ledger = send(scheme, slot, most=6)
    assert (ledger.channel_uses == CODED_FEATURES).all()
    assert (ledger.transmissions == 3).all()


def test_retransmission_only_sends_the_same_again_and_names_nothing(
    encoder: MultiTaskNetwork,
) -> None:
    link, slot = random_link(detector=None), slot_at(-6.0)
    scheme = SemanticHarq(
        encoder, link, PROTOCOLS["rt-s-harq"], SemanticHarqArguments(theta_0_db=60.0)
    )
    tx, rx = scheme.start(scheme.payload(torch.rand(5, 1024), np.arange(5)), slot)
    feedback, front = None, link.order[: slot.features].expand(5, -1)
    for _ in range(3):
        burst, tx = scheme.transmit(tx, feedback, slot)
        assert torch.equal(tx.plan.selection.position, front)
        y = burst.x
        feedback, rx = scheme.receive(rx, Received(y, torch.ones_like(y), torch.ones(1, 1)), slot)
        assert feedback.request_bits.tolist() == [0] * 5


def test_one_shot_schemes_send_one_slot(encoder: MultiTaskNetwork) -> None:
    link, slot = random_link(detector=None), slot_at(0.0)
    for name in ("smsc-fir", "smsc-sequential", "smsc-random"):
        _, ledger = send(SemanticHarq(encoder, link, PROTOCOLS[name]), slot, most=4)
        assert (ledger.transmissions == 1).all()
        assert (ledger.channel_uses == slot.features).all()
        assert (ledger.reason == 2).all()


def test_complete_takes_as_many_slots_as_f_needs(encoder: MultiTaskNetwork) -> None:
    link, slot = random_link(detector=None), slot_at(0.0)
    scheme = SemanticHarq(encoder, link, PROTOCOLS["smsc-complete"])
    _, ledger = send(scheme, slot, most=1)
    assert (ledger.transmissions == math.ceil(CODED_FEATURES / slot.features)).all()
    assert (ledger.channel_uses == CODED_FEATURES).all()
    assert (ledger.reason == 3).all()
    s = torch.rand(IMAGES, 1024, generator=torch.Generator().manual_seed(0))
    strong, _ = send(scheme, slot_at(60.0), most=1)
    f = link.encode(s)
    f = f / f.square().mean(1, keepdim=True).sqrt()
    ones = Selection(
        torch.arange(CODED_FEATURES).expand(IMAGES, -1), torch.ones_like(f, dtype=torch.bool)
    )
    buffer = link.empty_buffer(IMAGES).add(SlotFeatures(ones, 1e6 * f, torch.full_like(f, 1e6)))
    assert torch.allclose(strong.embedding, link.decode(buffer)[1].embedding, atol=1e-2)


def test_random_orders_belong_to_the_image_and_both_ends_know_them(
    encoder: MultiTaskNetwork,
) -> None:
    scheme = SemanticHarq(encoder, random_link(detector=None), PROTOCOLS["smsc-random"])
    s = torch.rand(4, 1024)
    whole = scheme.payload(s, np.arange(4)).tensors["order"]
    some = scheme.payload(s[2:3], np.array([2])).tensors["order"]
    assert torch.equal(some[0], whole[2])
    assert len({tuple(row) for row in whole.tolist()}) == 4


@pytest.mark.parametrize(("theta_0_db", "asks"), [(100.0, True), (0.0, False)])
def test_the_genie_asks_for_what_really_went_wrong_unless_it_is_certain(
    encoder: MultiTaskNetwork, theta_0_db: float, asks: bool
) -> None:
    link, slot = random_link(detector="oracle"), slot_at(0.0)
    link.threshold.fill_(0.05)
    scheme = SemanticHarq(
        encoder, link, PROTOCOLS["semharq-oracle"], SemanticHarqArguments(theta_0_db=theta_0_db)
    )
    tx, rx = scheme.start(scheme.payload(torch.rand(3, 1024), np.arange(3)), slot)
    burst, tx = scheme.transmit(tx, None, slot)
    y = burst.x.clone()
    y[:, 7] += 3.0
    ones, quiet = torch.ones_like(y), torch.full((1, 1), 1e-6)
    feedback, _ = scheme.receive(rx, Received(y, ones, quiet), slot)
    assert feedback.request is not None
    assert feedback.ack.tolist() == 3 * [not asks]
    assert feedback.request.nonzero().tolist() == [[row, 7] for row in range(3) if asks]
