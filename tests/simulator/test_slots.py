"""How many channel uses and how many features a slot carries."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic.conventions import CODED_FEATURES
from simulator.slots import BUDGETS, Slot


def test_features_of_the_papers_grid() -> None:
    # SMSC-FIR section 3.1 with T = 1 ms, W = 20 MHz, by hand at 0 dB: 20000 log2(2) / 64 = 312.5
    grid = [Slot(snr_db, 1e-3, 20e6).features for snr_db in (-6, -4, -2, 0, 2, 4, 6, 8)]
    assert grid == [101, 151, 220, 312, 428, 566, 723, 896]


@pytest.mark.parametrize(
    ("slot_s", "bandwidth_hz", "uses"),
    [(1e-3, 20e6, 20_000), (1e-3, 4e6, 4000), (0.1e-3, 3e6, 300), (1e-6, 1e6, 1), (7e-4, 1e4, 7)],
)
def test_uses_are_slot_length_times_bandwidth(
    slot_s: float, bandwidth_hz: float, uses: int
) -> None:
    assert Slot(0.0, slot_s, bandwidth_hz).uses == uses


@given(snr_db=st.floats(-40, 40), step=st.floats(0.01, 20), uses=st.integers(1, 10**6))
def test_features_grow_with_snr_and_fit_the_slot(snr_db: float, step: float, uses: int) -> None:
    low, high = Slot(snr_db, 1e-3, 1e3 * uses), Slot(snr_db + step, 1e-3, 1e3 * uses)
    assert 1 <= low.features <= high.features <= CODED_FEATURES
    assert high.features <= high.uses
    if (
        1 < low.features < CODED_FEATURES
    ):  # B features of 64 bits are within the capacity, B + 1 are not
        bits = low.uses * math.log2(1 + low.snr)
        assert 64 * low.features <= bits * (1 + 1e-9)
        assert 64 * (low.features + 1) > bits * (1 - 1e-9)


@given(snr_db=st.floats(-40, 40), uses=st.integers(1, 10**6))
def test_with_equal_uses_a_slot_has_as_many_uses_as_features(snr_db: float, uses: int) -> None:
    rounds, equal = (Slot(snr_db, 1e-3, 1e3 * uses, budget) for budget in BUDGETS)
    assert equal.uses == equal.features == rounds.features <= rounds.uses
    assert equal.resources == rounds.resources == rounds.uses == uses


def test_unknown_budget() -> None:
    with pytest.raises(ValueError, match="unknown budget 'slot': nearest: 'slots'"):
        Slot(0.0, 1e-3, 1e6, "slot")


def test_snr_and_noise_variance_are_inverse() -> None:
    slot = Slot(7.0, 1e-3, 1e6)
    assert slot.snr == pytest.approx(10**0.7)
    assert slot.no == pytest.approx(10**-0.7)


@pytest.mark.parametrize(
    ("slot_s", "bandwidth_hz", "problem"),
    [
        (0.0, 1e6, r"slot length T is 0\.0, it must be positive"),
        (-1e-3, 1e6, r"slot length T is -0\.001"),
        (1e-3, -1.0, r"bandwidth W is -1\.0"),
        (float("nan"), 1e6, "slot length T is nan"),
        (1e-9, 1e6, r"T W = 0\.001 channel uses is not allowed, it must have 1 to"),
        (1e-3, 1e300, "is not allowed, it must have 1 to"),
    ],
)
def test_impossible_slots(slot_s: float, bandwidth_hz: float, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Slot(0.0, slot_s, bandwidth_hz)
