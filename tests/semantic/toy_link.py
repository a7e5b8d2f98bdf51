"""A small link to train: channel, budget, recipe and networks."""

import torch
from torch import Tensor

from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS, Protocol
from semantic.tasks import TaskPerformers
from semantic.training.labels import Labels
from semantic.training.loop import LinkData, LinkRecipe

VEHICLES, PER_VEHICLE = 4, 2


SEMHARQ = PROTOCOLS["semharq"]


def toy_channel(
    features: Tensor, sent: Tensor, snr_db: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Power control and white noise, no fading."""
    energy = features.square().sum(1, keepdim=True).clamp_min(1e-24)
    z = features * (sent.sum(1, keepdim=True) / energy).sqrt()
    weight = torch.full_like(z, 2 * 10 ** (snr_db / 10))
    return weight * z + weight.sqrt() * torch.randn(z.shape, generator=generator), weight


def toy_budget(snr_db: float) -> int:
    return 64


def toy_data() -> LinkData:
    """s of 6 vehicles, 4 images each: a place per vehicle and some scatter."""
    generator = torch.Generator().manual_seed(0)
    vehicle = torch.arange(24) // 4
    s = torch.rand(6, 1024, generator=generator)[vehicle]
    s = s + 0.1 * torch.rand(24, 1024, generator=generator)
    return LinkData(s, Labels(vehicle, vehicle % 10, vehicle % 3), toy_channel, toy_budget)


RECIPE = LinkRecipe(
    complete_steps=2,
    fde_steps=2,
    selected_steps=3,
    vehicles_per_batch=VEHICLES,
    images_per_vehicle=PER_VEHICLE,
    max_transmissions=2,
    fde_features=24,
)


#: A constant on all scores: the bound on the mutual information does not depend on it.
CANCELS = {"fde.statistic.bias"}


def fresh(protocol: Protocol = SEMHARQ, clean: TaskPerformers | None = None) -> LinkNetwork:
    torch.manual_seed(5)
    return LinkNetwork(6, detector=protocol.detector, clean=clean, thresholds=2)


def silent(step: int, terms: dict[str, float]) -> None:
    pass
