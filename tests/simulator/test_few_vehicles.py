"""The note of means that few vehicles decide."""

import pandas as pd
import pytest

from simulator.commands.few_vehicles import few_vehicles_notes


def curve(vehicles: int, *points: tuple[str, float, float]) -> pd.DataFrame:
    rows = [
        {"scheme": "semharq", "metric": m, "snr_db": snr_db, "value": value, "n": 900}
        for m, snr_db, value in points
    ]
    return pd.DataFrame(rows).assign(vehicles=vehicles)


@pytest.mark.parametrize(
    ("vehicles", "value", "noted"),
    [(104, 50.0, False), (104, 97.0, False), (104, 97.2, True), (104, 0.0, True), (104, 100, True),
     (700, 99.5, False), (700, 99.7, True), (25, 90.0, True), (25, 80.0, False)],
)  # fmt: skip
def test_it_follows_the_number_of_deciding_vehicles(
    vehicles: int, value: float, noted: bool
) -> None:
    notes = list(few_vehicles_notes(curve(vehicles, ("rank1", 0.0, value))))
    assert bool(notes) is noted
    if noted:
        assert notes == [
            "semharq: fewer than 3 vehicles decide rank1 at 0 dB; these intervals are conservative "
            "(docs/statistics.md)"
        ]


def test_many_snrs_are_one_line() -> None:
    points = [("mAP", snr_db, 100.0) for snr_db in (-6.0, -3.0, 0.0, 3.0)]
    (note,) = few_vehicles_notes(curve(104, *points, ("rank1", 3.0, 1.0), ("rank1", 0.0, 50.0)))
    assert "decide mAP at 4 SNRs from -6 to 3 dB, rank1 at 3 dB;" in note


def test_a_small_set_has_one_note_and_costs_none() -> None:
    (note,) = few_vehicles_notes(curve(4, ("rank1", 0.0, 50.0), ("mAP", 3.0, 100.0)))
    assert note.startswith("a mean over 4 vehicles only")
    assert not list(few_vehicles_notes(curve(4, ("transmissions", 0.0, 4.0))))
