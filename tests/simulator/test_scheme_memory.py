"""A scheme object holds nothing about images: two runs of one object do not disturb each other."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from phy.channels.fading import Rician
from phy.streams import Streams
from semantic.data.opening import open_dataset
from simulator.catalog import SCHEMES
from simulator.encoded_dataset import EncodedDataset
from simulator.link import run_link
from simulator.scheme import Payload, Scheme, Shared, take
from simulator.setup.networks import Networks
from simulator.setup.schemes import build_schemes
from simulator.spec import RunSpec

IMAGES = 6


@pytest.fixture(scope="module")
def networks(all_weights: Path) -> Networks:
    everything, weights = tuple(SCHEMES), str(all_weights)
    spec = RunSpec(schemes=everything, weights=weights, bandwidth_hz=2e6, device="cpu")
    return Networks(spec, "cpu")


@pytest.fixture(scope="module")
def datasets(networks: Networks, folder_data: Path) -> Callable[[], list[EncodedDataset]]:
    """Two data sets without a common image, new at each call."""
    images = open_dataset(str(folder_data))

    def encoded() -> list[EncodedDataset]:
        parts = (np.arange(IMAGES), np.arange(20, 20 + IMAGES))
        return [
            EncodedDataset(images.subset(rows), networks.encoder, "cpu", lambda what, n, of: None)
            for rows in parts
        ]

    return encoded


class Interrupted(Rician):
    """Rician fading; in the first two draws something else happens first."""

    def __init__(self, interrupt: Callable[[], object]) -> None:
        super().__init__()
        self.interrupts = [interrupt] * 2

    def draw(self, streams: Any, uses: int, state: Any) -> tuple[Tensor, Any]:
        if self.interrupts:
            self.interrupts.pop()()
        return super().draw(streams, uses, state)


def encode(scheme: Scheme, encoded: EncodedDataset) -> Payload:
    with torch.inference_mode():
        return scheme.encode(encoded, np.arange(IMAGES))


def send(
    scheme: Scheme, payload: Payload, spec: RunSpec, interrupt: Callable[[], object] = lambda: None
) -> list[Tensor]:
    """Every column of outputs and costs of a run at 0 dB."""
    streams = Streams(0, "memory", np.arange(IMAGES))
    outputs, ledger = run_link(
        scheme, payload, Interrupted(interrupt), spec.slot(0.0), streams, spec.max_transmissions
    )
    return [*outputs, *vars(ledger).values()]


def same(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.integration
@pytest.mark.parametrize("name", SCHEMES)
def test_runs_over_two_data_sets_by_turns_are_as_alone(
    name: str, networks: Networks, datasets: Callable[[], list[EncodedDataset]]
) -> None:
    spec, alone = replace(networks.spec, schemes=(name,)), []
    networks = copy(networks)
    networks.spec = spec
    for number in range(2):
        own = build_schemes(networks)[name]
        alone.append(send(own, encode(own, datasets()[number]), spec))
    assert not same(*alone), "the two data sets are different"

    scheme = build_schemes(networks)[name]
    held = dict(vars(scheme))
    first, second = (encode(scheme, encoded) for encoded in datasets())
    inner: list[list[Tensor]] = []
    outer = send(scheme, first, spec, lambda: inner.append(send(scheme, second, spec)))
    assert same(outer, alone[0])
    assert inner, "the second run took place within the first"
    assert all(same(found, alone[1]) for found in inner)
    assert vars(scheme).keys() == held.keys()
    assert all(vars(scheme)[key] is value for key, value in held.items())


def test_a_shared_value_has_no_rows() -> None:
    payload = Payload({"s": torch.arange(3)}, {"file": [b"a", b"b", b"c"], "source": Shared("all")})
    some = payload.take(torch.tensor([2, 0]))
    assert some.tensors["s"].tolist() == [2, 0]
    assert some.objects == {"file": [b"c", b"a"], "source": Shared("all")}
    assert payload.columns.keys() == {"s", "file"}
    assert take(Shared(3), torch.tensor([0])) == Shared(3)
    with pytest.raises(TypeError, match="holds a set, which has no rows"):
        take({1}, torch.tensor([0]))


def test_what_a_data_set_keeps_is_made_once(
    datasets: Callable[[], list[EncodedDataset]],
) -> None:
    encoded, other = datasets()
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        return len(made)

    assert [encoded.once("a", make), encoded.once("a", make), encoded.once("b", make)] == [1, 1, 2]
    assert other.once("a", make) == 3
