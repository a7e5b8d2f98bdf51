"""--precision: what is rounded, what a run records, and that fp32 results stay apart from bf16 ones."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from semantic.tiles import TILE, in_tiles
from semantic.weights.precision import (
    Bf16Linear,
    PackedLinear,
    choose_precision,
    multiplies_bf16,
    pack_products,
    packs_products,
    round_products,
)
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.identity import common_identity
from simulator.sweeps.sweep import run_spec

SPEC = RunSpec(schemes=("semharq", "perfect"), snr_db=(2.0,), device="cpu", bandwidth_hz=4e6)


@pytest.fixture
def spec(tiny_weights: Path, folder_data: Path) -> RunSpec:
    """A run on small images: where the processor has no bf16, it takes 50 times as long as fp32."""
    return replace(SPEC, weights=str(tiny_weights), data=str(folder_data))


def test_every_linear_layer_is_rounded_and_its_output_is_near() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Sequential(nn.Linear(32, 8)))
    x = torch.randn(5, 64)
    exact = network(x)
    round_products(network)
    assert sum(isinstance(part, Bf16Linear) for part in network.modules()) == 2
    rounded = network(x)
    assert rounded.dtype == torch.float32
    error = (rounded - exact).norm() / exact.norm()
    assert 0 < error < 0.02


@pytest.mark.skipif(not packs_products(), reason="this build of torch has no oneDNN")
def test_packed_products_are_those_of_torch_and_rows_do_not_depend_on_their_company() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8, bias=False))
    packed = deepcopy(network)
    pack_products(packed, "cpu")
    assert sum(isinstance(part, PackedLinear) for part in packed.modules()) == 2
    names = [name for name, _ in network.named_parameters()]
    assert [name for name, _ in packed.named_parameters()] == names
    x = torch.randn(2 * TILE, 64)
    with torch.no_grad():
        assert torch.allclose(packed(x), network(x), atol=1e-5)
        whole, few = in_tiles(packed, x), in_tiles(deepcopy(packed), x[-3:])
    assert torch.equal(whole[-3:], few)
    needs = x[:2].clone().requires_grad_()  # an image's own order asks for gradients
    packed(needs).sum().backward()
    assert needs.grad is not None
    assert needs.grad.abs().sum() > 0


@pytest.mark.skipif(not packs_products(), reason="this build of torch has no oneDNN")
def test_changed_weights_are_packed_again() -> None:
    network = nn.Sequential(nn.Linear(4, 2))
    pack_products(network, "cpu")
    x = torch.ones(1, 4)
    with torch.no_grad():
        network(x)
        network.load_state_dict({"0.weight": torch.ones(2, 4), "0.bias": torch.zeros(2)})
        assert network(x).tolist() == [[4.0, 4.0]]
        network[0].weight.mul_(2.0)
        assert network(x).tolist() == [[8.0, 8.0]]
        network.double().float()
        assert deepcopy(network)(x).tolist() == [[8.0, 8.0]]


def test_products_are_packed_on_cpus_alone() -> None:
    network = nn.Sequential(nn.Linear(4, 2))
    pack_products(network, "cuda:0")
    assert type(network[0]) is nn.Linear


@pytest.mark.integration
def test_auto_is_what_the_device_multiplies_fast() -> None:
    expected = "bf16" if multiplies_bf16("cpu") else "fp32"
    assert choose_precision("auto", "cpu") == expected
    assert prepare(replace(SPEC, precision="auto")).spec.precision == expected


@pytest.mark.integration
def test_precisions_share_neither_points_nor_encoder_outputs(
    spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMHARQ_CACHE", str(tmp_path))
    full = run_spec(spec)
    rounded = run_spec(replace(spec, precision="bf16"))
    assert rounded.spec.precision == "bf16"
    assert len([*tmp_path.glob("s-*")]) == 2
    identities = [common_identity(prepare(r.spec))["precision"] for r in (full, rounded)]
    assert identities == ["fp32", "bf16"]
    joined = full.curve.merge(rounded.curve, on=["scheme", "metric"])
    accuracies = joined[joined["metric"].str.endswith("accuracy")]
    assert (accuracies["value_x"] - accuracies["value_y"]).abs().max() < 10.0


@pytest.mark.integration
def test_bf16_results_do_not_depend_on_the_batch_size(spec: RunSpec) -> None:
    rounded = replace(spec, precision="bf16", schemes=("semharq",))
    one, two = (run_spec(replace(rounded, batch_size=n)).images for n in (7, 32))
    assert one.equals(two)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ValueError, match=r"precision.*fp16.*bf16"):
        RunSpec(precision="fp16")
