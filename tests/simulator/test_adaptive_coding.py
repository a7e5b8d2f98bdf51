"""Which modulation and rate a file gets: the rule, against trying everything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from phy.channels.fading import Awgn, Rician
from phy.coding.mcs import MCS_TABLE
from simulator.schemes.adaptive_coding import AdaptiveCoding
from simulator.schemes.coding import Coding
from simulator.slots import Slot

BASE = Coding("qpsk", 0.5, base_graph=None)
SNRS_DB = (-10.0, -1.0, 8.0, 16.0)


def slot_at(snr_db: float) -> Slot:
    return Slot(snr_db, 1e-3, 2e6)


@pytest.fixture(scope="module")
def rule() -> AdaptiveCoding:
    return AdaptiveCoding(BASE, Rician())


def slots_of(coding: Coding, file_bytes: int, slot: Slot) -> int:
    return -(-coding.codec(8 * file_bytes).uses // slot.uses)


@pytest.mark.parametrize("snr_db", SNRS_DB)
def test_no_allowed_row_carries_more_in_a_slot(rule: AdaptiveCoding, snr_db: float) -> None:
    slot = slot_at(snr_db)
    carried = []
    for mcs in MCS_TABLE:
        coding = BASE.with_mcs(mcs)
        most = coding.largest_file_bytes(slot.uses)
        if most and rule.predicted_bler(coding.codec(8 * most), slot) <= 0.1:
            carried.append(most)
    assert rule.most_bytes(slot) == max(carried)
    full = rule.for_file(rule.most_bytes(slot), slot)
    assert slots_of(full, rule.most_bytes(slot), slot) == 1


@pytest.mark.parametrize("snr_db", SNRS_DB)
@pytest.mark.parametrize("file_bytes", [20, 150, 3000])
def test_fewest_slots_then_most_robust(
    rule: AdaptiveCoding, snr_db: float, file_bytes: int
) -> None:
    slot = slot_at(snr_db)
    chosen = rule.for_file(file_bytes, slot)
    bler = rule.predicted_bler(chosen.codec(8 * file_bytes), slot)
    assert bler <= 0.1
    for mcs in MCS_TABLE:
        other = BASE.with_mcs(mcs)
        if rule.predicted_bler(other.codec(8 * file_bytes), slot) > 0.1:
            continue
        assert slots_of(chosen, file_bytes, slot) <= slots_of(other, file_bytes, slot)
        if slots_of(other, file_bytes, slot) == slots_of(chosen, file_bytes, slot):
            assert bler <= rule.predicted_bler(other.codec(8 * file_bytes), slot) + 1e-6


def test_more_snr_or_less_fading_carries_more(rule: AdaptiveCoding) -> None:
    fast = [rule.most_bytes(slot_at(snr_db)) for snr_db in SNRS_DB]
    assert fast == sorted(set(fast))
    for law, compare in ((Awgn(), int.__ge__), (Rician(2.0, "block"), int.__lt__)):
        other = [AdaptiveCoding(BASE, law).most_bytes(slot_at(snr_db)) for snr_db in SNRS_DB]
        assert all(compare(a, b) for a, b in zip(other, fast, strict=True)), law


def test_a_stricter_target_carries_less_over_block_fading() -> None:
    channel = Rician(2.0, "block")
    carried = [AdaptiveCoding(BASE, channel, t).most_bytes(slot_at(4.0)) for t in (0.02, 0.1, 0.5)]
    assert carried == sorted(set(carried))


def test_out_of_reach_is_the_most_robust_row(rule: AdaptiveCoding) -> None:
    slot = slot_at(-40.0)
    assert rule.for_file(100, slot) == BASE.with_mcs(MCS_TABLE[0])
    assert [c.coding for c in rule.candidates(slot)] == [BASE.with_mcs(MCS_TABLE[0])]


def test_only_what_the_transmitter_was_told_counts(rule: AdaptiveCoding) -> None:
    told = replace(slot_at(9.0), csit_snr_db=-6.0)
    assert rule.most_bytes(told) == rule.most_bytes(slot_at(-6.0))
    assert rule.for_file(700, told) == rule.for_file(700, slot_at(-6.0))


def test_what_was_asked_before_changes_nothing(rule: AdaptiveCoding) -> None:
    fresh = AdaptiveCoding(BASE, Rician())
    for snr_db in SNRS_DB[::-1]:
        for size in (3000, 20):
            slot = slot_at(snr_db)
            assert fresh.for_file(size, slot) == rule.for_file(size, slot)


@pytest.mark.parametrize("target", [0.0, 1.0, -0.1, float("nan")])
def test_a_target_is_a_probability(target: float) -> None:
    with pytest.raises(ValueError, match="target_bler"):
        AdaptiveCoding(BASE, Awgn(), target)


def test_it_takes_six_bits_to_say_which_row(rule: AdaptiveCoding) -> None:
    assert 2**rule.side_information_bits >= len(MCS_TABLE) > 2 ** (rule.side_information_bits - 1)
    assert BASE.side_information_bits == 0
