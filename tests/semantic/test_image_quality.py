"""PSNR and SSIM: closed forms, a window-by-window computation, and another library if it is there."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from semantic.metrics.image_quality import EQUAL_DB, psnr_db, ssim


def pair(size: tuple[int, int] = (24, 40), deviation: float = 20.0) -> tuple[Tensor, Tensor]:
    """Waves, and the same with noise."""
    y, x = np.mgrid[: size[0], : size[1]]
    waves = np.stack([127 + 100 * np.sin(x / a + y / b) for a, b in ((5, 9), (7, 4), (3, 11))], 2)
    noisy = waves + np.random.default_rng(0).normal(0, deviation, waves.shape)
    first, second = (np.clip(v, 0, 255).astype(np.uint8) for v in (waves, noisy))
    return torch.from_numpy(first), torch.from_numpy(second)


def test_equal_images() -> None:
    image, _ = pair()
    assert psnr_db(image, image) == EQUAL_DB
    assert ssim(image, image) == 1.0


@pytest.mark.parametrize("shift", [1, 30, 155])
def test_a_constant_shift_of_a_flat_image_has_closed_forms(shift: int) -> None:
    image = torch.full((16, 20, 3), 100, dtype=torch.uint8)
    assert psnr_db(image, image + shift) == pytest.approx(20 * math.log10(255 / shift))
    c_1, other = (0.01 * 255) ** 2, 100 + shift
    expected = (2 * 100 * other + c_1) / (100**2 + other**2 + c_1)
    assert ssim(image, image + shift) == pytest.approx(expected, abs=1e-6)


def test_ssim_is_the_mean_over_whole_windows() -> None:
    """Equation 13 of Wang et al., one window after the other in float64."""
    first, second = pair((14, 17))
    place = np.arange(-5, 6)
    window = np.exp(-(place[:, None] ** 2 + place**2) / (2 * 1.5**2))
    window /= window.sum()
    c_1, c_2, found = (0.01 * 255) ** 2, (0.03 * 255) ** 2, []
    for color in range(3):
        a, b = (image[:, :, color].double().numpy() for image in (first, second))
        for y in range(14 - 10):
            for x in range(17 - 10):
                u, v = (c[y : y + 11, x : x + 11] for c in (a, b))
                mu, nu = (window * u).sum(), (window * v).sum()
                var_u, var_v = (window * (u - mu) ** 2).sum(), (window * (v - nu) ** 2).sum()
                both = (window * (u - mu) * (v - nu)).sum()
                top = (2 * mu * nu + c_1) * (2 * both + c_2)
                found.append(top / ((mu**2 + nu**2 + c_1) * (var_u + var_v + c_2)))
    assert ssim(first, second) == pytest.approx(np.mean(found), abs=1e-6)
    assert ssim(second, first) == pytest.approx(np.mean(found), abs=1e-6)


def test_worse_images_have_lower_values_and_small_ones_none() -> None:
    for measure in (psnr_db, ssim):
        values = [measure(*pair(deviation=deviation)) for deviation in (1, 5, 25, 100)]
        assert values == sorted(values, reverse=True)
    assert math.isnan(ssim(*pair((10, 40))))


@pytest.mark.parametrize("deviation", [2.0, 40.0])
def test_scikit_image_has_the_same_values(deviation: float) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    first, second = pair((33, 40), deviation)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    theirs = metrics.structural_similarity(
        first.numpy(), second.numpy(), data_range=255, channel_axis=2, **options
    )
    assert ssim(first, second) == pytest.approx(theirs, abs=1e-6)
    theirs = metrics.peak_signal_noise_ratio(first.numpy(), second.numpy())
    assert psnr_db(first, second) == pytest.approx(theirs)
