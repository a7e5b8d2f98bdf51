"""Where the uses and pilots of a burst lie, as properties over many grids."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phy.ofdm.grid import OfdmGrid, whole_blocks

GRIDS = st.integers(12, 60).flatmap(
    lambda subcarriers: st.builds(
        OfdmGrid,
        subcarriers=st.just(subcarriers),
        pilot_spacing=st.none() | st.integers(2, subcarriers - 1),
    )
)


@settings(max_examples=60, deadline=None)
@given(GRIDS, st.integers(1, 300))
def test_data_and_pilots_share_the_grid(grid: OfdmGrid, uses: int) -> None:
    data, pilots = grid.data_elements(uses), grid.pilot_elements(uses)
    assert len(data) == uses
    assert (np.diff(data) > 0).all()  # frequency first, then time: one element after the other
    assert not np.intersect1d(data, pilots).size
    assert np.union1d(data, pilots).max() + 1 == grid.extent(uses)
    # nothing up to the burst's last use is left empty
    assert np.union1d(data, pilots)[: data[-1] + 1].tolist() == list(range(data[-1] + 1))


@settings(max_examples=60, deadline=None)
@given(GRIDS, st.integers(1, 300), st.integers(0, 50))
def test_a_short_burst_is_the_start_of_a_long_one(grid: OfdmGrid, uses: int, more: int) -> None:
    short, long = uses, uses + more
    assert (grid.data_elements(long)[:short] == grid.data_elements(short)).all()
    pilots = grid.pilot_elements(short)
    assert (grid.pilot_elements(long)[: len(pilots)] == pilots).all()
    assert grid.extent(short) <= grid.extent(long)


@settings(max_examples=60, deadline=None)
@given(GRIDS.filter(lambda grid: grid.pilot_spacing is not None), st.integers(1, 300))
def test_every_use_is_between_two_pilots_that_are_sent(grid: OfdmGrid, uses: int) -> None:
    assert grid.pilot_spacing is not None
    data, pilots = grid.data_elements(uses), grid.pilot_elements(uses)
    place = np.searchsorted(pilots, data)
    left, right = pilots[place - 1], pilots[place]
    assert (place > 0).all()
    assert (left // grid.subcarriers == right // grid.subcarriers).all()
    assert (right - left <= grid.pilot_spacing).all()


def test_time_in_a_slot() -> None:
    for khz, slot_ms in ((15, 1.0), (30, 0.5), (60, 0.25)):
        grid = OfdmGrid(subcarrier_hz=khz * 1e3)
        assert 14 * grid.symbol_s == pytest.approx(slot_ms * 1e-3)
        extended = OfdmGrid(subcarrier_hz=khz * 1e3, cyclic_prefix="extended")
        assert 12 * extended.symbol_s == pytest.approx(slot_ms * 1e-3)
        # all symbols of an extended slot are alike; a normal slot has some longer prefixes
        useful_s = 1 / grid.subcarrier_hz
        assert extended.symbol_s == pytest.approx(useful_s + extended.cyclic_prefix_s)
        assert useful_s + grid.cyclic_prefix_s <= grid.symbol_s
    # TS 36.211 table 6.12-1, 15 kHz: 144 and 512 samples of 1 / 30.72 MHz
    assert OfdmGrid().cyclic_prefix_s == pytest.approx(144 / 30.72e6)
    assert OfdmGrid(cyclic_prefix="extended").cyclic_prefix_s == pytest.approx(512 / 30.72e6)


def test_resource_blocks_of_a_band() -> None:
    """TS 36.101 table 5.6-1: 15, 25, 50, 75, 100 blocks in 3, 5, 10, 15, 20 MHz."""
    blocks = [whole_blocks(mhz * 1e6, 15e3) / 12 for mhz in (3, 5, 10, 15, 20)]
    assert blocks == [15, 25, 50, 75, 100]
    assert whole_blocks(1e3, 15e3) == 12


def test_no_burst_no_elements() -> None:
    grid = OfdmGrid(pilot_spacing=12)
    assert grid.extent(0) == 0
    assert not grid.data_elements(0).size
    assert not grid.pilot_elements(0).size
