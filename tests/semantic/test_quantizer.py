"""Scalar quantizers against Max's tables, closed forms, and the conditions of the optimum."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import norm

from semantic.quantizer import MOST_BITS, QUANTIZERS, Quantizer

#: Mean squared error of the optimum for N(0, 1), Max 1960, tables I and II.
LLOYD_MAX = {1: 0.3634, 2: 0.1175, 3: 0.03454, 4: 0.009497, 5: 0.002499}
UNIFORM = {1: 0.3634, 2: 0.1188, 3: 0.03744, 4: 0.01154, 5: 0.003495}
EVERY = [(bits, kind) for kind in QUANTIZERS for bits in (1, 2, 3, 4, 6, 8, MOST_BITS)]


@pytest.mark.parametrize(("kind", "table"), [("lloyd-max", LLOYD_MAX), ("uniform", UNIFORM)])
def test_distortion_is_that_of_the_tables(kind: str, table: dict[int, float]) -> None:
    for bits, distortion in table.items():  # printed with four digits, the fourth is not sure
        assert Quantizer(bits, kind).distortion == pytest.approx(distortion, rel=3e-3)


def test_many_levels_approach_panter_and_dite() -> None:
    # D -> pi sqrt(3) / 2 4^-bits, from below
    ratios = [Quantizer(b).distortion * 4**b / (math.pi * math.sqrt(3) / 2) for b in range(5, 11)]
    assert ratios == sorted(ratios)
    assert 0.99 < ratios[-1] < 1


@pytest.mark.parametrize(("bits", "kind"), EVERY)
def test_distortion_is_that_of_gaussian_numbers(bits: int, kind: str) -> None:
    # both integrals over a grid far finer than the cells, and nothing drawn
    quantizer = Quantizer(bits, kind)
    x = torch.linspace(-8, 8, 2**20)[None]
    probability = torch.exp(-(x.double() ** 2) / 2)
    probability /= probability.sum()
    q = quantizer.dequantize(quantizer.quantize(x))
    error = (x - q).double()
    distortion = float((probability * error.square()).sum())
    assert distortion == pytest.approx(quantizer.distortion, rel=0.005)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_uniform_error_inside_the_grid_is_a_twelfth_of_the_step_squared(bits: int) -> None:
    quantizer = Quantizer(bits, "uniform")
    step = float(quantizer.values[1] - quantizer.values[0])
    edge = float(quantizer.values[-1]) + step / 2
    x = torch.linspace(-edge, edge, 2**18)[None]
    error = (x - quantizer.dequantize(quantizer.quantize(x))).double()
    assert float(error.square().mean()) == pytest.approx(step**2 / 12, rel=1e-3)
    assert float(error.abs().max()) <= step / 2 * (1 + 1e-4)


def cells(quantizer: Quantizer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(values, probability, integral of x) of each cell, from scipy's normal distribution."""
    values = quantizer.values.double().numpy()
    edges = np.concatenate([[-np.inf], (values[1:] + values[:-1]) / 2, [np.inf]])
    return values, np.diff(norm.cdf(edges)), -np.diff(norm.pdf(edges))


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 8])
def test_lloyd_max_values_are_the_centroids_of_their_cells(bits: int) -> None:
    values, probability, integral = cells(Quantizer(bits))
    np.testing.assert_allclose(values, integral / probability, atol=2e-6)


@pytest.mark.parametrize(("bits", "kind"), EVERY)
def test_the_error_has_no_part_along_the_value(bits: int, kind: str) -> None:
    # E[(x - q) q] = 0: q is the linear MMSE estimate as it is, which the JSC decoder counts on
    quantizer = Quantizer(bits, kind)
    values, probability, integral = cells(quantizer)
    along = float((values * (integral - probability * values)).sum())
    assert abs(along) < 0.005 * quantizer.distortion


@pytest.mark.parametrize(("bits", "kind"), EVERY)
def test_every_value_survives_its_bits(bits: int, kind: str) -> None:
    quantizer = Quantizer(bits, kind)
    values = quantizer.values[None]
    words = quantizer.quantize(values)
    assert words.shape == (1, bits * 2**bits)
    assert torch.equal(quantizer.dequantize(words), values)
    # ascending values count up, most significant bit first
    numbers = words.view(2**bits, bits).long() @ (2 ** torch.arange(bits - 1, -1, -1))
    assert torch.equal(numbers, torch.arange(2**bits))


@pytest.mark.parametrize("kind", QUANTIZERS)
def test_each_bit_costs_distortion(kind: str) -> None:
    by_bits = [Quantizer(bits, kind).distortion for bits in range(1, MOST_BITS + 1)]
    assert all(more < less / 2 for less, more in pairwise(by_bits))
    best = [Quantizer(bits).distortion for bits in range(1, MOST_BITS + 1)]
    assert all(a <= b + 1e-7 for a, b in zip(best, by_bits, strict=True))


@pytest.mark.parametrize(
    ("bits", "kind", "message"),
    [(0, "uniform", "1 to 10"), (11, "uniform", "1 to 10"), (4, "loyd-max", "lloyd-max")],
)
def test_what_is_not_allowed(bits: int, kind: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Quantizer(bits, kind)
