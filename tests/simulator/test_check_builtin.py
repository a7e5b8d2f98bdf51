"""The checker over everything in the catalog, whoever adds to it."""

import shutil
from pathlib import Path

import pytest
import torch

from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS, SINGLE_TASK_PROTOCOL, single_task_directory
from semantic.losses import TASKS
from semantic.plus.network import PlusNetwork
from semantic.weights.stored import PLUS, save_link, save_plus
from simulator import check_channel, check_codec, check_scheme
from simulator.catalog import CHANNELS, CODECS, SCHEMES

pytestmark = pytest.mark.integration

IDENTITIES = 20


@pytest.fixture(scope="module")
def weights(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights for every learned scheme, beside the tiny encoder's."""
    root = tmp_path_factory.mktemp("all-weights")
    shutil.copy(tiny_weights / "encoder.safetensors", root)
    for name, protocol in PROTOCOLS.items():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            link = LinkNetwork(IDENTITIES, detector=protocol.detector).eval()
        save_link(root / f"{name}.safetensors", link, {})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_plus(root / f"{PLUS}.safetensors", PlusNetwork(IDENTITIES).eval(), {})
    for task in TASKS:
        own = root / single_task_directory(task)
        own.mkdir()
        for name in ("encoder", SINGLE_TASK_PROTOCOL):
            shutil.copy(root / f"{name}.safetensors", own)
    return root


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_passes(name: str) -> None:
    report = check_channel(name)
    assert report.ok, str(report)
    # What holds no numbers cannot tell a GPU's place from the CPU's; all else is always checked.
    assert {f.what for f in report.findings if f.ok is None} <= {"device"}


@pytest.mark.parametrize("name", CODECS)
def test_every_codec_passes(name: str) -> None:
    report = check_codec(name)
    assert report.ok, str(report)
    assert len(report.findings) == 12


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_passes(name: str, weights: Path, folder_data: Path) -> None:
    report = check_scheme(
        name, data=str(folder_data), images=10, weights=str(weights), bandwidth_hz=2e6
    )
    assert report.ok, str(report)
    assert len(report.findings) == 9
