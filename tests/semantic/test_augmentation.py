"""Random changes of training images keep the colors' order, and depend on the generator alone."""

import pytest
import torch

from semantic.training.augmentation import STRENGTHS, augment

GRAY = torch.full((400, 64, 64, 3), 128, dtype=torch.uint8)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_the_generator_decides_all(strength: str) -> None:
    pixels = torch.randint(0, 256, (6, 64, 64, 3), dtype=torch.uint8)
    first, again, other = (
        augment(pixels, 48, torch.Generator().manual_seed(seed), strength) for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_strong_is_stronger_in_every_way() -> None:
    """Of gray images: exposure, tint, noise within an image, and erased pixels (exactly zero)."""
    seen = {
        name: augment(GRAY, 32, torch.Generator().manual_seed(0), name)
        for name in ("light", "strong")
    }

    def spreads(x: torch.Tensor) -> list[float]:
        level = x.mean((2, 3))
        tint = (level - level.mean(1, keepdim=True)).std()
        noise = x.flatten(2).std(2).median()
        return [float(v) for v in (level.mean(1).std(), tint, noise, (x == 0).float().mean())]

    light, strong = spreads(seen["light"]), spreads(seen["strong"])
    assert all(a < b for a, b in zip(light, strong, strict=True)), (light, strong)


def test_the_hue_of_a_color_is_kept() -> None:
    """Red stays the largest channel in every image, relative to gray under the same change."""
    red = GRAY.clone()
    red[..., 0] = 250
    for strength in STRENGTHS:
        generators = [torch.Generator().manual_seed(1) for _ in range(2)]
        gray, colored = (
            augment(p, 32, g, strength) for p, g in zip((GRAY, red), generators, strict=True)
        )
        difference = (colored - gray).mean((2, 3))
        assert (difference[:, 0] > difference[:, 1:].amax(1) + 0.1).all()
