"""The checker over everything in the catalog, whoever adds to it."""

from pathlib import Path

import pytest
from codecs_here import CODECS_HERE

from simulator import check_channel, check_codec, check_scheme
from simulator.catalog import CHANNELS, SCHEMES

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_passes(name: str) -> None:
    report = check_channel(name)
    assert report.ok, str(report)
    # What holds no numbers cannot tell a GPU's place from the CPU's; all else is always checked.
    assert {f.what for f in report.findings if f.ok is None} <= {"device"}


@pytest.mark.parametrize("name", CODECS_HERE)
def test_every_codec_passes(name: str) -> None:
    report = check_codec(name)
    assert report.ok, str(report)
    assert len(report.findings) == 12


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_passes(name: str, all_weights: Path, folder_data: Path) -> None:
    report = check_scheme(
        name, data=str(folder_data), images=10, weights=str(all_weights), bandwidth_hz=2e6
    )
    assert report.ok, str(report)
    assert len(report.findings) == 10
