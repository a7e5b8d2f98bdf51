"""DenseNet-121: the published network, with the published file's names."""

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from semantic.encoder.densenet import IMAGENET_MEAN, IMAGENET_STD, DenseNet121, normalize
from semantic.weights.files import WeightsError, file_hash, load_imagenet


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[DenseNet121, Path]:
    """A random network, and its file as torchvision published it: names of 2017, hash in its name.

    That file has a classifier, and none of the counters that batch normalization got later.
    """
    torch.manual_seed(0)
    network = DenseNet121().eval()
    state = {
        re.sub(r"(denselayer\d+\.)(norm|conv)([12])\.", r"\1\2.\3.", name): value
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    state |= {"classifier.weight": torch.zeros(1000, 1024), "classifier.bias": torch.zeros(1000)}
    assert "features.denseblock1.denselayer1.norm.1.weight" in state
    path = tmp_path_factory.mktemp("imagenet") / "made.pth"
    torch.save(state, path)
    return network, path.rename(path.with_name(f"densenet121-{file_hash(path)[:8]}.pth"))


def test_size_is_that_of_densenet121_without_its_classifier() -> None:
    # torchvision documents 7 978 856 with the classifier of 1000 x 1024 + 1000
    assert sum(p.numel() for p in DenseNet121().parameters()) == 7_978_856 - 1_025_000 == 6_953_856


def test_names_and_shapes_are_torchvisions() -> None:
    shapes = {name: tuple(value.shape) for name, value in DenseNet121().state_dict().items()}
    assert len(shapes) == 725  # 120 convolutions and 121 normalizations of 5 tensors
    for name, shape in {
        "features.conv0.weight": (64, 3, 7, 7),
        "features.norm0.running_var": (64,),
        "features.denseblock1.denselayer1.norm1.weight": (64,),
        "features.denseblock1.denselayer6.conv1.weight": (128, 224, 1, 1),
        "features.transition1.conv.weight": (128, 256, 1, 1),
        "features.denseblock3.denselayer24.norm2.bias": (128,),
        "features.transition3.norm.weight": (1024,),
        "features.denseblock4.denselayer16.conv2.weight": (32, 128, 3, 3),
        "features.norm5.weight": (1024,),
    }.items():
        assert shapes[name] == shape


def test_s_is_the_mean_of_the_last_maps() -> None:
    torch.manual_seed(0)
    network = DenseNet121().eval()
    x = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        maps, s = network.feature_maps(x), network(x)
    assert maps.shape == (2, 1024, 2, 3)
    assert (maps >= 0).all()
    assert torch.allclose(s, maps.flatten(2).mean(2), atol=1e-6)


def test_normalize_centers_each_color() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
    x = normalize(torch.from_numpy(pixels))
    assert x.shape == (2, 3, 5, 4)
    back = x.permute(0, 2, 3, 1).numpy() * np.array(IMAGENET_STD) + np.array(IMAGENET_MEAN)
    assert np.allclose(back * 255, pixels, atol=1e-3)


def test_the_published_file_loads(published: tuple[DenseNet121, Path]) -> None:
    network, path = published
    torch.manual_seed(1)
    loaded = DenseNet121().eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        assert not torch.allclose(loaded(x), network(x))
        load_imagenet(loaded, path)
        assert torch.equal(loaded(x), network(x))


def test_any_other_name_is_not_checked(published: tuple[DenseNet121, Path], tmp_path: Path) -> None:
    copy = tmp_path / "densenet121-mine.pth"
    shutil.copy(published[1], copy)
    load_imagenet(DenseNet121(), str(copy))


def test_a_file_whose_hash_is_not_in_its_name(
    published: tuple[DenseNet121, Path], tmp_path: Path
) -> None:
    copy = tmp_path / published[1].name
    data = bytearray(published[1].read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    prefix = published[1].stem[-8:]
    with pytest.raises(WeightsError, match=rf"^{copy} is damaged: .* {prefix}$"):
        load_imagenet(DenseNet121(), copy)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    text, number, other = (tmp_path / f"{name}.pth" for name in ("text", "number", "other"))
    text.write_text("no weights")
    torch.save(torch.zeros(3), number)
    torch.save({"features.conv0.weight": torch.zeros(1)}, other)
    for path, problem in (
        (tmp_path / "missing.pth", "do not exist"),
        (text, "is not a PyTorch state dict"),
        (number, "is not a PyTorch state dict"),
        (other, "does not fit this network"),
    ):
        with pytest.raises(WeightsError, match=problem) as caught:
            load_imagenet(DenseNet121(), path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_network_that_a_file_will_fill_needs_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's random numbers on the meta device import all of torch._dynamo: two seconds a process."""
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # an import of it raises
    with torch.device("meta"):
        assert all(value.is_meta for value in DenseNet121().parameters())
