"""Options of F: the sizes of its layers, and the pairs of its training."""

import pytest
import torch

from semantic.conventions import CODED_FEATURES
from semantic.link.buffer import SlotFeatures
from semantic.link.network import LinkNetwork
from semantic.link.reading import LinkReading
from semantic.link.selector import Selection
from semantic.training.fde import ReceivedFeatures, information_of


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_sizes_and_pairs_of_f(version: str) -> None:
    torch.manual_seed(0)
    network = LinkNetwork(4, "combine", "fde", reading=LinkReading(fde=version, pairs="s")).eval()
    assert network.fde is not None
    widths = [
        layer.out_features for layer in network.fde.compress if hasattr(layer, "out_features")
    ]
    assert widths == {"v1": [256, 256], "v2": [1024, 256]}[version]
    s = torch.rand(4, 1024)
    place = Selection(torch.arange(CODED_FEATURES).expand(4, -1), torch.ones(4, 1024) > 0)
    buffer = network.empty_buffer(4).add(
        SlotFeatures(place, torch.randn(4, 1024), torch.ones(4, 1024))
    )
    found = information_of(network)(ReceivedFeatures(network, s, buffer, s, (2,)))
    s_hat, _ = network.decode(buffer)
    joint = network.fde(s * s_hat).score
    marginal = network.fde(s.roll(2, 0) * s_hat).score
    assert torch.allclose(found, joint.mean() - marginal.exp().mean().log(), atol=1e-5)


def test_pairs_of_s_do_not_fit_an_f_that_reads_reliabilities() -> None:
    network = LinkNetwork(4, detector="fde-csi", reading=LinkReading(pairs="s"))
    with pytest.raises(ValueError, match="pairs=s needs an F that reads one vector"):
        information_of(network)
