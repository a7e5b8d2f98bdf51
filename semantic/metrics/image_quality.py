"""Quality of a received image against the one that was sent: PSNR and SSIM."""

from __future__ import annotations

from functools import cache

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

#: Largest value of a pixel, L.
PEAK = 255
#: PSNR of equal images in dB. A single level in one of 10^5 values gives 98 dB.
EQUAL_DB = 100.0
#: Edge and standard deviation of the Gaussian window of SSIM in pixels, and its constants K_1, K_2.
WINDOW, SIGMA, K_1, K_2 = 11, 1.5, 0.01, 0.03


def psnr_db(sent: UInt8[Tensor, "h w 3"], received: UInt8[Tensor, "h w 3"]) -> float:
    """Returns the peak signal-to-noise ratio 10 log10(255^2 / MSE) over all pixels and colors.

    Args:
        sent: The image that was sent.
        received: The image that the receiver shows.

    Returns:
        PSNR in dB, at most `EQUAL_DB`, which is also that of equal images.

    >>> sent = torch.zeros(16, 16, 3, dtype=torch.uint8)
    >>> round(psnr_db(sent, sent + 16), 2)  # 20 log10(255 / 16)
    24.05
    """
    error = float((sent.double() - received.double()).square().mean())
    if error == 0:
        return EQUAL_DB
    return min(EQUAL_DB, float(10 * torch.tensor(PEAK**2 / error, dtype=torch.float64).log10()))


def ssim(sent: UInt8[Tensor, "h w 3"], received: UInt8[Tensor, "h w 3"]) -> float:
    """Returns the structural similarity, averaged over the colors and over all whole windows.

    ```
    (2 mu_x mu_y + C_1) (2 sigma_xy + C_2) / ((mu_x^2 + mu_y^2 + C_1) (sigma_x^2 + sigma_y^2 + C_2))
    ```

    Means, variances and the covariance are those of an 11 x 11 Gaussian window of standard
    deviation 1.5.

    Args:
        sent: The image that was sent.
        received: The image that the receiver shows.

    Returns:
        At most 1, which is that of equal images; NaN for images smaller than the window.

    Source: Wang, Bovik, Sheikh and Simoncelli, Image Quality Assessment: From Error Visibility to
    Structural Similarity, IEEE Trans. Image Process. 13(4), 2004, equation 13.

    >>> sent = torch.full((16, 16, 3), 100, dtype=torch.uint8)
    >>> round(ssim(sent, sent + 50), 4)  # (2 x 100 x 150 + C_1) / (100^2 + 150^2 + C_1)
    0.9231
    """
    height, width, _ = sent.shape
    if min(height, width) < WINDOW:
        return float("nan")
    # Variances do not change when each image loses its mean; they keep more digits so.
    x, y = (image.permute(2, 0, 1).float() for image in (sent, received))
    center_x, center_y = (image.mean((1, 2), keepdim=True) for image in (x, y))
    x, y = x - center_x, y - center_y
    maps = torch.stack([x, y, x * x, y * y, x * y])
    mean = weights(height) @ maps @ weights(width).T
    var_x, var_y = (mean[2 + i] - mean[i] * mean[i] for i in (0, 1))
    covariance = mean[4] - mean[0] * mean[1]
    mu_x, mu_y = mean[0] + center_x, mean[1] + center_y
    c_1, c_2 = (K_1 * PEAK) ** 2, (K_2 * PEAK) ** 2
    luminance = (2 * mu_x * mu_y + c_1) / (mu_x * mu_x + mu_y * mu_y + c_1)
    structure = (2 * covariance + c_2) / (var_x + var_y + c_2)
    return float((luminance * structure).double().mean())


@cache
def weights(length: int) -> Float[Tensor, "windows length"]:
    """Returns the Gaussian weights of all whole windows along an axis, a window in each row.

    >>> weights(12).shape, round(float(weights(12)[0].sum()), 6)
    (torch.Size([2, 12]), 1.0)
    """
    place = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    gaussian = (-place.square() / (2 * SIGMA**2)).exp()
    found = torch.zeros(length - WINDOW + 1, length, dtype=torch.float64)
    for first, row in enumerate(found):
        row[first : first + WINDOW] = gaussian / gaussian.sum()
    return found.float()
