"""Average power control: ||z||^2 = P B, whatever comes in."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from phy.power import normalize_power


@given(
    seed=st.integers(0, 2**31),
    scale=st.floats(1e-3, 1e3),
    width=st.integers(1, 300),
    uses=st.integers(1, 300),
    power=st.floats(0.1, 10),
)
def test_energy_and_direction(seed: int, scale: float, width: int, uses: int, power: float) -> None:
    z = scale * torch.randn(2, width, generator=torch.Generator().manual_seed(seed))
    out = normalize_power(z, uses, power)
    assert torch.allclose(out.square().sum(1), torch.full((2,), power * uses), rtol=1e-4)
    ratio = out / z
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), rtol=1e-4)
    assert (ratio > 0).all()


def test_each_row_pays_for_its_own_uses() -> None:
    out = normalize_power(torch.ones(3, 8, dtype=torch.complex64), torch.tensor([8, 4, 1]))
    assert out.abs().square().sum(1).tolist() == pytest.approx([8, 4, 1])


def test_a_larger_input_gives_the_same_output() -> None:
    z = torch.randn(4, 50)
    assert torch.allclose(normalize_power(z, 50), normalize_power(1000 * z, 50), rtol=1e-5)


def test_an_empty_row_stays_zero_and_has_a_finite_gradient() -> None:
    z = torch.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    out = normalize_power(z, torch.tensor([0, 2]))
    out.sum().backward()
    assert out[0].tolist() == [0.0, 0.0]
    assert z.grad is not None
    assert torch.isfinite(z.grad).all()
