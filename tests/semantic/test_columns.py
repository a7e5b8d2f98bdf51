"""Features that no image has received need no product: decoder and F give what they give with them."""

import pytest
import torch

from semantic.conventions import CODED_FEATURES
from semantic.link.buffer import Combining
from semantic.link.network import LinkNetwork
from semantic.link.protocol import Detector
from semantic.weights.precision import KEPT_COLUMNS, pack_products, packs_products

pytestmark = pytest.mark.skipif(not packs_products(), reason="torch was built without oneDNN")


@pytest.mark.parametrize("detector", ["fde", "fde-csi"])
@torch.inference_mode()
def test_columns_that_nobody_received_are_left_out(detector: Detector) -> None:
    torch.manual_seed(0)
    network = LinkNetwork(20, detector=detector).eval()
    assert not network.skips_columns
    pack_products(network, "cpu")
    assert network.skips_columns
    assert network.fde is not None
    for count in (1, 15, 60, 300, 61, 15):  # more sets than are kept
        columns = torch.randperm(CODED_FEATURES)[:count].sort().values
        received = torch.zeros(2, 3, CODED_FEATURES)
        received[:, :2, columns] = torch.rand(2, 2, count)  # one image has received nothing
        whole = Combining(*received)
        some = whole.columns(columns)
        for a, b in zip(network.decode(whole)[1], network.decode(some, columns)[1], strict=True):
            torch.testing.assert_close(a, b)
        d = network.fde.distortion(network.fde_input(some), columns)
        torch.testing.assert_close(network.distortion(whole), d)
    kept = network.jsc_decoder.hidden._columns
    assert len(kept) == KEPT_COLUMNS


def test_changed_weights_are_packed_again() -> None:
    network = LinkNetwork(20, detector=None).eval().requires_grad_(False)
    pack_products(network, "cpu")
    columns, x = torch.arange(4), torch.rand(2, 8)
    layer = network.jsc_decoder.hidden
    before = layer.of_columns(x, columns)
    layer.weight.mul_(2)
    after = layer.of_columns(x, columns)
    torch.testing.assert_close(after - layer.bias, 2 * (before - layer.bias))
