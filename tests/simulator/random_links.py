"""Random networks of the learned schemes, and how a test sends images over them."""

import numpy as np
import torch

from phy.channel import Channel
from phy.channels.fading import Rician
from phy.streams import Streams
from semantic.conventions import CODED_FEATURES
from semantic.link.network import LinkNetwork
from semantic.link.protocol import Detector
from semantic.tasks import TaskOutputs
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.slots import Slot

IDENTITIES, IMAGES = 20, 24


def slot_at(snr_db: float, uses: int = 20_000) -> Slot:
    return Slot(snr_db, 1e-3, 1e3 * uses)


def random_link(
    buffer: str = "combine", detector: Detector | None = "fde", undecided: bool = False
) -> LinkNetwork:
    """A random network; `undecided` makes every posterior uniform."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        link = LinkNetwork(IDENTITIES, buffer, detector=detector).eval().requires_grad_(False)
        link.order.copy_(torch.randperm(CODED_FEATURES))
        for performer in link.performers.performers:
            performer.weight *= 0 if undecided else 300
            performer.bias *= 0 if undecided else 1
    return link


def send(
    scheme: SemanticHarq, slot: Slot, most: int, channel: Channel | None = None, seed: int = 0
) -> tuple[TaskOutputs, Ledger]:
    s = torch.rand(IMAGES, 1024, generator=torch.Generator().manual_seed(seed))
    streams = Streams(seed, "cell", np.arange(IMAGES))
    payload = scheme.payload(s, np.arange(IMAGES))
    return run_link(scheme, payload, channel or Rician(), slot, streams, most)
