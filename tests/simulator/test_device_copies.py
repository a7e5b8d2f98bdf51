"""On a GPU the host waits once for each transmission; see `tests.counted_device`."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import nn

from phy.channels.fading import Rician
from phy.streams import Streams
from semantic import tiles
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS
from semantic.tasks import TaskOutputs
from simulator.host_copy import on_host
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.scheme import Burst
from simulator.scheme_arguments import SemanticHarqArguments
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.slots import Slot
from tests.counted_device import DEVICE, OnDevice, counted, put_on_device

IMAGES, TRANSMISSIONS = 24, 4


def transmit(
    link: LinkNetwork, name: str, s: torch.Tensor, device: str, budget: str
) -> tuple[TaskOutputs, Ledger]:
    scheme = SemanticHarq(nn.Identity(), link, PROTOCOLS[name], SemanticHarqArguments(theta_0_db=6))  # type: ignore[arg-type]
    with torch.inference_mode():
        payload = scheme.payload(s, np.arange(IMAGES))
    return run_link(
        scheme,
        payload,
        Rician(),
        Slot(2.0, 1e-3, 2e6, budget),
        Streams(0, "test", np.arange(IMAGES), device=device),
        TRANSMISSIONS,
    )


@pytest.mark.parametrize("budget", ["slots", "uses"])
@pytest.mark.parametrize("name", ["semharq", "semharq-no-fde", "rt-s-harq", "smsc-fir"])
def test_the_host_waits_once_for_each_transmission(name: str, budget: str) -> None:
    torch.manual_seed(0)
    protocol = PROTOCOLS[name]
    link = LinkNetwork(20, detector=protocol.detector).eval().requires_grad_(False)
    s = torch.rand(IMAGES, 1024)
    expected, spent = transmit(link, name, s, "cpu", budget)
    there = deepcopy(link)
    same_tiles = patch.object(tiles, "DEVICE_TILE", tiles.TILE)
    with torch.inference_mode(), same_tiles, counted() as counter:
        put_on_device(there)
        outputs, ledger = transmit(there, name, OnDevice(s), str(DEVICE), budget)
        waits = list(counter.waits)
        (outputs,) = on_host(outputs)
    rounds = int(ledger.transmissions.max())
    threshold = protocol.retransmit == "distorted"  # read once by a scheme for each SNR
    assert len(waits) == rounds + threshold, waits
    assert counter.uploads <= 12 * rounds
    for ours, theirs in zip(outputs, expected, strict=True):
        assert torch.equal(ours, theirs)
    for field in fields(Ledger):
        assert torch.equal(getattr(ledger, field.name), getattr(spent, field.name)), field.name


def test_one_copy_brings_all_tensors_to_the_host() -> None:
    x = torch.view_as_complex(torch.randn(3, 2, 2))
    header = torch.tensor([[True], [False], [True]])
    with torch.inference_mode(), counted() as counter:
        burst = Burst(OnDevice(x), OnDevice(torch.tensor([2, 0, 2**52])), OnDevice(header))
        (found,) = on_host(burst)
    assert len(counter.waits) == 1
    assert torch.equal(found.x, x)
    assert found.uses.tolist() == [2, 0, 2**52]
    assert torch.equal(found.header, header)
    assert found.header_bits is None


def test_what_waits_is_counted() -> None:
    with torch.inference_mode(), counted() as counter:
        x = torch.zeros(3, device=DEVICE)
        assert (x + 1).device == DEVICE
        assert counter.waits == []
        bool((x > 0).any())
        (x > 0).nonzero()
        x.cpu()
        x[x > 0]
        x[torch.arange(2)]
        torch.arange(2).to(DEVICE)
        assert len(counter.waits) == 6
        torch.arange(2).to(DEVICE, non_blocking=True)
        assert (len(counter.waits), counter.uploads) == (6, 1)
