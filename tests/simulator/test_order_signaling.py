"""FIR for each image by itself: the enumerative code, the order, and what both ends know of it."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch

from phy.channels.fading import Rician
from phy.snr import snr_from_db
from phy.streams import Streams
from semantic.conventions import CODED_FEATURES
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.buffer import SlotFeatures
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS
from semantic.link.selector import Selection
from semantic.tasks import TaskOutputs
from simulator.feedback import FeedbackLink
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.scheme import Burst
from simulator.scheme_arguments import SemanticHarqArguments
from simulator.schemes.enumerative_code import (
    decode_selection,
    encode_selection,
    selection_bits,
)
from simulator.schemes.image_importance import image_order
from simulator.schemes.order_signaling import (
    new_first,
    read_new_features,
    write_header,
)
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.slots import Slot

IDENTITIES, IMAGES = 20, 12
FIR = [name for name, protocol in PROTOCOLS.items() if protocol.order == "importance"]


@pytest.mark.parametrize("n", range(8))
def test_code_words_number_the_selections_of_each_size(n: int) -> None:
    for k in range(n + 1):
        numbers = []
        for places in combinations(range(n), k):
            chosen = np.isin(np.arange(n), places)
            word = encode_selection(chosen)
            assert len(word) == selection_bits(n, k) == math.ceil(math.log2(math.comb(n, k)))
            assert decode_selection(word, n, k).tolist() == chosen.tolist()
            numbers.append(int("0" + "".join("01"[b] for b in word.tolist()), 2))
        assert sorted(numbers) == list(range(math.comb(n, k)))


@pytest.mark.parametrize("k", [1, 15, 134, 512, 1000, 1024])
def test_selections_of_f_come_back(k: int) -> None:
    rng = np.random.default_rng(k)
    for _ in range(3):
        chosen = np.isin(np.arange(CODED_FEATURES), rng.permutation(CODED_FEATURES)[:k])
        word = encode_selection(chosen)
        assert (
            decode_selection(np.append(word, [True, False]), CODED_FEATURES, k).tolist()
            == chosen.tolist()
        )
        assert len(word) <= min(CODED_FEATURES, 10 * k)  # a bitmap, a list of places


def test_a_receiver_that_is_wrong_about_the_slot_still_reads_a_selection() -> None:
    word = encode_selection(np.isin(np.arange(9), [0, 1, 2]))
    for n, k in ((9, 4), (5, 2), (30, 10), (3, 3)):
        assert decode_selection(word, n, k).sum() == k


def test_headers_of_rows_of_different_length() -> None:
    rng = np.random.default_rng(0)
    covered = torch.from_numpy(rng.random((6, CODED_FEATURES)) < np.linspace(0, 1, 6)[:, None])
    new = torch.from_numpy(rng.random((6, CODED_FEATURES)) < 0.1) & ~covered
    count, free = new.sum(1), (~covered).sum(1)
    for heard in (None, torch.tensor([True, False] * 3)):
        header, bits = write_header(new, covered, heard)
        flag = 0 if heard is None else 1
        expected = [
            flag + selection_bits(n, k) for n, k in zip(free.tolist(), count.tolist(), strict=True)
        ]
        assert bits.tolist() == expected
        assert header.shape == (6, max(expected))
        if heard is not None:
            assert torch.equal(header[:, 0], heard)
        assert torch.equal(read_new_features(header[:, flag:], covered, count), new)


def link_of(name: str) -> LinkNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        link = LinkNetwork(IDENTITIES, detector=PROTOCOLS[name].detector)
        link = link.eval().requires_grad_(False)
        link.order.copy_(torch.randperm(CODED_FEATURES))
    for performer in link.performers.performers:
        performer.weight *= 300
    return link


@pytest.fixture(scope="module")
def encoder() -> MultiTaskNetwork:
    return MultiTaskNetwork(IDENTITIES)  # never asked: s is given


def send(
    scheme: SemanticHarq,
    rows: np.ndarray | None = None,
    snr_db: float = -2.0,
    feedback_link: FeedbackLink | None = None,
) -> tuple[TaskOutputs, Ledger]:
    rows = np.arange(IMAGES) if rows is None else rows
    s = torch.rand(IMAGES, 1024, generator=torch.Generator().manual_seed(0))[rows]
    slot = Slot(snr_db, 1e-3, 20e6)
    return run_link(
        scheme,
        scheme.payload(s, rows),
        Rician(),
        slot,
        Streams(0, "cell", rows),
        4,
        feedback_link or FeedbackLink(),
    )


def test_order_is_that_of_the_slope_of_the_images_own_answers() -> None:
    """Against differences, one feature at a time: what changes the predicted classes most leads."""
    link, snr = link_of("smsc-fir").double(), snr_from_db(0.0)
    f = torch.randn(
        2, CODED_FEATURES, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    order = image_order(link, f, 2 * snr)
    place = torch.arange(CODED_FEATURES)

    def predicted(f: torch.Tensor) -> torch.Tensor:
        z = f * (CODED_FEATURES**0.5 / f.norm(dim=1, keepdim=True))
        whole = Selection(place.expand(len(f), -1), torch.ones_like(f, dtype=torch.bool))
        slot = SlotFeatures(whole, 2 * snr * z, torch.full_like(z, 2 * snr))
        empty = link.empty_buffer(len(f))
        found = link.decode(empty.add(slot))[1].probabilities
        return torch.stack([p.gather(1, m) for p, m in zip(found, winners, strict=True)]).squeeze(2)

    for row in range(2):
        one = f[row : row + 1]
        whole = Selection(place.expand(1, -1), torch.ones_like(one, dtype=torch.bool))
        z = one * (CODED_FEATURES**0.5 / one.norm())
        slot = SlotFeatures(whole, 2 * snr * z, torch.full_like(z, 2 * snr))
        answers = link.decode(link.empty_buffer(1).add(slot))[1].probabilities
        winners = [p.argmax(1, keepdim=True).expand(2, 1) for p in answers]
        step, slopes = 1e-5, []
        for i in range(0, CODED_FEATURES, 16):
            nudged = one.repeat(2, 1)
            nudged[0, i] += step
            nudged[1, i] -= step
            up, down = predicted(nudged).unbind(1)
            slopes.append(float(((up - down).abs() * torch.tensor([1, 0.125, 0.125])).sum()))
        tried = torch.arange(0, CODED_FEATURES, 16)
        by_slope = tried[torch.tensor(slopes).argsort(descending=True)]
        assert [p for p in order[row].tolist() if p % 16 == 0] == by_slope.tolist()
    assert order[0].tolist() != order[1].tolist()


@pytest.mark.parametrize("name", FIR)
@pytest.mark.parametrize("error", [0.0, 0.02])
def test_both_ends_send_and_expect_the_same_features(
    name: str, error: float, encoder: MultiTaskNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that the receiver knows of the order has crossed in headers, whose bits are counted."""
    scheme = SemanticHarq(
        encoder,
        link_of(name),
        PROTOCOLS[name],
        SemanticHarqArguments(theta_0_db=60.0, importance="image"),
    )
    log: list[tuple[Burst, torch.Tensor, torch.Tensor]] = []
    transmit, receive = SemanticHarq.transmit, SemanticHarq.receive

    def noted_transmit(self, tx, feedback, slot):  # type: ignore[no-untyped-def]
        burst, after = transmit(self, tx, feedback, slot)
        log.append((burst, tx.plan.covered, after.plan.selection))
        return burst, after

    def noted_receive(self, rx, received, slot):  # type: ignore[no-untyped-def]
        answer, after = receive(self, rx, received, slot)
        _, _, sent = log[-1]
        agree = (after.plan.selection.position == sent.position).all(1)
        # A request misheard behind a CRC that holds comes once in 2^11: here, never.
        assert agree.all()
        assert torch.equal(after.plan.selection.sent, sent.sent)
        return answer, after

    monkeypatch.setattr(SemanticHarq, "transmit", noted_transmit)
    monkeypatch.setattr(SemanticHarq, "receive", noted_receive)
    _, ledger = send(scheme, feedback_link=FeedbackLink(error))
    total = 0
    for number, (burst, covered, sent) in enumerate(log):
        again = covered.gather(1, sent.position) & sent.sent
        flag = int(number > 0 and PROTOCOLS[name].retransmit == "distorted")
        for row in range(len(covered)):
            n = int((~covered[row]).sum())
            k = int((sent.sent[row] & ~again[row]).sum())
            total += flag + math.ceil(math.log2(math.comb(n, k)))
        assert burst.header_bits is not None
    assert int(ledger.side_information_bits.sum()) == total
    assert total > 0


def test_mean_importance_costs_nothing_and_sends_other_features(encoder: MultiTaskNetwork) -> None:
    link, protocol = link_of("smsc-fir"), PROTOCOLS["smsc-fir"]
    mean, plain = send(SemanticHarq(encoder, link, protocol))
    own, announced = send(
        SemanticHarq(encoder, link, protocol, SemanticHarqArguments(importance="image"))
    )
    assert (plain.side_information_bits == 0).all()
    slot = Slot(-2.0, 1e-3, 20e6)
    assert (announced.side_information_bits == selection_bits(CODED_FEATURES, slot.features)).all()
    assert torch.equal(plain.channel_uses, announced.channel_uses)
    assert not torch.equal(mean.embedding, own.embedding)


def test_own_orders_do_not_depend_on_the_company(encoder: MultiTaskNetwork) -> None:
    scheme = SemanticHarq(
        encoder, link_of("semharq"), PROTOCOLS["semharq"], SemanticHarqArguments(importance="image")
    )
    whole, ledger = send(scheme)
    for rows in (np.array([5]), np.array([11, 3])):
        some, mine = send(scheme, rows)
        for name, values in vars(mine).items():
            assert torch.equal(values, getattr(ledger, name)[rows]), name
        for part, values in zip(some, whole, strict=True):
            assert torch.equal(part, values[rows])


def test_a_header_longer_than_it_says_is_refused() -> None:
    header = torch.ones(2, 4, dtype=torch.bool)
    burst = Burst(torch.ones(2, 3) + 0j, torch.tensor([3, 3]), header, torch.tensor([4, 3]))
    with pytest.raises(ValueError, match="beyond the length"):
        Ledger.zeros(2).charge_burst(torch.arange(2), burst, Slot(0.0, 1e-3, 1e5))


def test_new_first_puts_new_ones_first_by_place() -> None:
    new = torch.zeros(1, CODED_FEATURES, dtype=torch.bool)
    new[0, [700, 3, 9]] = True
    assert new_first(new)[0, :5].tolist() == [3, 9, 700, 0, 1]


def test_schemes_without_a_ranking_and_unknown_words(encoder: MultiTaskNetwork) -> None:
    link = link_of("smsc-fir")
    with pytest.raises(
        ValueError, match="importance 'picture' is not allowed, it must be trained, mean or image"
    ):
        SemanticHarq(
            encoder, link, PROTOCOLS["smsc-fir"], SemanticHarqArguments(importance="picture")
        )
    with pytest.raises(ValueError, match="ranks no features"):
        SemanticHarq(
            encoder, link, PROTOCOLS["smsc-random"], SemanticHarqArguments(importance="image")
        )
