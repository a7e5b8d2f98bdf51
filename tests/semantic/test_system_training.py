"""Training of encoder and link together, and the first stage with the HARQ loop."""

import signal
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS
from semantic.link.reading import LinkReading
from semantic.training.labels import Labels
from semantic.training.loop import LinkData, LinkRecipe
from semantic.training.system import COMPLETE_HARQ, System, train_first_stage, train_system

RECIPE = LinkRecipe(2, 1, 2, vehicles_per_batch=4, images_per_vehicle=2, fde_features=16)
VEHICLE = torch.arange(8) // 2
LABELS = Labels(VEHICLE, VEHICLE, VEHICLE)


class SmallEncoder(nn.Module):
    """1024 outputs of an image, in place of DenseNet-121."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 16, 1024)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(functional.adaptive_avg_pool2d(x, 4).flatten(1)).relu()


def channel(
    features: Tensor, sent: Tensor, snr_db: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Noise, no power control."""
    return features + 0.1 * torch.randn(features.shape, generator=generator), torch.ones_like(
        features
    )


def system(detector: str | None, **reading: str) -> System:
    torch.manual_seed(0)
    clean = MultiTaskNetwork(4)
    clean.encoder = SmallEncoder()
    link = LinkNetwork(
        4, "combine", detector, clean.performers, reading=LinkReading(encoder="joint", **reading)
    )  # type: ignore[arg-type]
    return System(clean, link, 32)


def pixels() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (8, 32, 32, 3), dtype=torch.uint8, generator=generator)


def data_of(one: System) -> LinkData:
    return LinkData(one.outputs(pixels(), "cpu"), LABELS, channel, lambda snr_db: 16)


def changed(before: dict[str, Tensor], one: nn.Module) -> set[str]:
    after = one.state_dict()
    return {name.split(".")[0] + "." + name.split(".")[1] for name, value in before.items()
            if not torch.equal(value, after[name])}  # fmt: skip


@pytest.mark.parametrize("losses", ["apart", "printed"])
def test_all_parameters_of_the_system_are_trained(losses: str, tmp_path: Path) -> None:
    one = system("fde", losses=losses)
    before = {name: value.clone() for name, value in one.state_dict().items()}
    train_system(
        one.link, PROTOCOLS["semharq"], data_of(one), RECIPE, False, tmp_path / "c",
        lambda step, terms: None, one, pixels(),
    )  # fmt: skip
    parts = {"encoder.layer", "link.jsc_encoder", "link.jsc_decoder", "link.performers", "link.fde"}
    assert changed(before, one) >= parts


def test_a_system_that_was_stopped_goes_on_bit_for_bit(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    states, steps = [], []
    for name, stopped in (("whole", False), ("cut", True), ("cut", False)):
        one = system("fde")

        def report(step: int, terms: dict[str, float], stopped: bool = stopped) -> None:
            steps.append(step)
            if stopped:
                signal.raise_signal(signal.SIGINT)  # the end of the step waits for the checkpoint

        with pytest.raises(KeyboardInterrupt) if stopped else nullcontext():
            train_system(
                one.link, PROTOCOLS["semharq"], data_of(one), RECIPE, False, tmp_path / name,
                report, one, pixels(),
            )  # fmt: skip
        states.append(one.state_dict())
    signal.signal(signal.SIGINT, before)
    assert steps == [0, 1, 0, 1]
    assert all(torch.equal(value, states[2][name]) for name, value in states[0].items())


def test_the_first_stage_of_a_system_measures_the_order_with_the_trained_encoder(
    tmp_path: Path,
) -> None:
    one = system(None)
    data = data_of(one)
    train_first_stage(
        one.link, data, RECIPE, tmp_path / "c", lambda step, terms: None, one, pixels()
    )
    assert sorted(one.link.order.tolist()) == list(range(1024))
    assert one.link.order.tolist() != list(range(1024))
    assert not torch.equal(one.outputs(pixels(), "cpu"), data.s)
    assert not one.training


def test_the_first_stage_with_the_harq_loop_trains_f_and_repeats_what_it_finds(
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    link = LinkNetwork(4, reading=LinkReading(stage2="harq"))
    before = {name: value.clone() for name, value in link.state_dict().items()}
    sent: list[int] = []

    def counted(
        features: Tensor, there: Tensor, snr_db: float, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        sent.append(int(there.sum(1).max()))
        return channel(features, there, snr_db, generator)

    data = LinkData(torch.rand(8, 1024), LABELS, counted, lambda snr_db: 16)
    recipe = replace(RECIPE, complete_steps=8)
    terms: list[dict[str, float]] = []
    train_first_stage(link, data, recipe, tmp_path / "c", lambda step, found: terms.append(found))
    assert all("fde" in found for found in terms)
    assert not torch.equal(
        before["fde.statistic.weight"], link.state_dict()["fde.statistic.weight"]
    )
    assert sent.count(1024) >= 8  # all of f first
    assert any(500 < count < 530 for count in sent)  # half of it is requested again
    assert COMPLETE_HARQ.transmissions == "harq"
