"""SemHARQ over a feedback link that errs: both ends agree on what is sent, and it is paid for."""

import numpy as np
import pytest
import torch

from phy.channels.fading import Rician
from phy.streams import Streams
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS
from semantic.tasks import TaskOutputs
from simulator.feedback import ERROR_FREE, FeedbackLink
from simulator.ledger import FALSE_ACK, Ledger
from simulator.link import run_link
from simulator.scheme import Payload
from simulator.scheme_arguments import SemanticHarqArguments
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.slots import Slot

CRC_BITS, REQUEST_BITS, USES, G = 11, 5, 6, 4


def streams(images: int, slot: int = 0) -> Streams:
    return Streams(3, "cell", np.arange(images), slot, "/feedback")


@pytest.fixture(scope="module")
def semharq() -> SemanticHarq:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        link = LinkNetwork(20).eval().requires_grad_(False)
        link.order.copy_(torch.randperm(len(link.order)))
        return SemanticHarq(
            MultiTaskNetwork(20), link, PROTOCOLS["semharq"], SemanticHarqArguments(theta_0_db=60.0)
        )


def semharq_payload(scheme: SemanticHarq, images: int) -> Payload:
    s = torch.rand(images, 1024, generator=torch.Generator().manual_seed(0))
    return scheme.payload(s, np.arange(images))


def test_semharq_both_ends_agree_on_what_is_sent(semharq: SemanticHarq) -> None:
    n, slot, link = 40, Slot(-6.0, 1e-3, 20e6), FeedbackLink(0.006)  # about half of 112 bits arrive
    tx, rx = semharq.start(semharq_payload(semharq, n), slot)
    feedback, rounds = None, []
    for j in range(4):
        before = tx.plan.covered
        burst, tx = semharq.transmit(tx, feedback, slot)
        rx = semharq.read_header(rx, burst.header)
        rows = streams(n, j)
        h, _ = Rician().draw(rows.for_role("fading"), burst.x.shape[1], None)
        received = Rician().apply(burst.x, h, slot.no, rows.for_role("noise"))
        if feedback is not None:
            lost = ~feedback.request_received
            rounds.append(lost)
            assert torch.equal(burst.header, ~lost[:, None])
            again = before.gather(1, tx.plan.selection.position) & tx.plan.selection.sent
            assert not again[lost].any()  # nothing asked for: new features alone
            assert again[~lost].any(1).all()
        answer, rx = semharq.receive(rx, received, slot)
        assert torch.equal(tx.plan.covered, rx.plan.covered)
        assert torch.equal(tx.plan.selection.position, rx.plan.selection.position)
        feedback = link.carry(answer, rows.for_role("feedback"))
    share = float(torch.stack(rounds).double().mean())
    assert 0.35 < share < 0.65  # 1 - 0.994 ** 112 = 0.49; 120 requests: three standard errors


def test_semharq_pays_for_crc_and_header(semharq: SemanticHarq) -> None:
    n, slot = 12, Slot(-6.0, 1e-3, 20e6)
    payload = semharq_payload(semharq, n)
    ledgers = []
    for link in (ERROR_FREE, FeedbackLink(0.004)):
        _, ledger = run_link(
            semharq, payload, Rician(), slot, Streams(0, "c", np.arange(n)), 4, link
        )
        ledgers.append(ledger)
    plain, ledger = ledgers
    assert (plain.transmissions == 4).all()  # theta_0 is out of reach
    sent = ledger.transmissions
    assert torch.equal(ledger.side_information_bits, sent - 1)  # the header of a retransmission
    asked = sent - (ledger.reason != FALSE_ACK).long()  # the last answer is not heeded
    assert torch.equal(ledger.feedback_bits, sent + asked * (slot.features + CRC_BITS))
    assert torch.equal(plain.side_information_bits, torch.zeros_like(sent))


def test_semharq_the_same_bits_in_any_company(semharq: SemanticHarq) -> None:
    n, slot, link = 12, Slot(-6.0, 1e-3, 20e6), FeedbackLink(0.01, 1)
    payload = semharq_payload(semharq, n)

    def send(rows: np.ndarray) -> tuple[TaskOutputs, Ledger]:
        part = payload.take(torch.from_numpy(rows))
        return run_link(semharq, part, Rician(), slot, Streams(0, "c", rows), 4, link)

    whole, ledger = send(np.arange(n))
    for rows in (np.array([5]), np.array([11, 3])):
        some, mine = send(rows)
        for name, values in vars(mine).items():
            assert torch.equal(values, getattr(ledger, name)[rows]), name
        for part, values in zip(some, whole, strict=True):
            assert torch.equal(part, values[rows])
