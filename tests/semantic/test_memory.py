"""What is in memory no longer than it is needed."""

from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from semantic.tasks import TaskOutputs
from semantic.tiles import TILE
from semantic.weights.files import read_weights, save_weights


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the system shows no mappings")
def test_a_file_that_was_read_is_not_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_weights(path, torch.nn.Linear(64, 8), {})
    state, _ = read_weights(path)
    assert set(state) == {"weight", "bias"}
    assert str(path) not in Path("/proc/self/maps").read_text(encoding="utf-8")


class LargestSoftmax(TorchDispatchMode):
    """Notes the most rows of the probabilities that are made at once."""

    most = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        found = func(*args, **(kwargs or {}))
        if "softmax" in str(func):
            self.most = max(self.most, len(found))
        return found


def test_uncertainty_of_many_images_needs_the_memory_of_a_tile() -> None:
    whole = TaskOutputs(*(torch.randn(385, n) for n in (4, 200, 10, 9)))
    expected = torch.stack([torch.special.entr(p).sum(-1) for p in whole.probabilities]).mean(0)
    with LargestSoftmax() as largest:
        found = whole.uncertainty()
    assert torch.equal(found, expected)  # bit for bit
    assert largest.most == TILE
