"""The encoder checker names the mistake of everything broken, and finds none in what is sound."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

import simulator
from simulator import check_encoder
from simulator.checks import encoder as checks
from simulator.checks.dispatch import recognize
from simulator.checks.encoder import SIZES
from simulator.checks.report import Report

EXAMPLE = Path(simulator.__path__[0]).parent / "docs" / "examples" / "my_encoder.py"


@pytest.fixture(autouse=True)
def small_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks here need no larger ones; built-in encoders get those of the training."""
    monkeypatch.setattr(checks, "SIZES", (16, 24))


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("my_encoder", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Sound(nn.Module):
    """A convolution, normalization, and a mean over the positions."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 1024)

    def body(self, x: Tensor) -> Tensor:
        mean: Tensor = self.norm(self.layer(x)).relu().mean((2, 3))
        return mean

    def forward(self, x: Tensor) -> Any:
        return self.head(self.body(x)).relu()


class Smooth(Sound):
    """Elementwise functions, and an attention over the positions of one image."""

    def body(self, x: Tensor) -> Tensor:
        values = gelu(self.norm(self.layer(x))).flatten(2).transpose(1, 2)
        weights = torch.softmax(values @ values.transpose(1, 2), -1)
        return (weights @ values).mean(1)


class Negative(Sound):
    def forward(self, x: Tensor) -> Any:
        return self.head(self.body(x))


class Narrow(Sound):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x)[:, :512]


class Double(Sound):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).double()


class Pair(Sound):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x), x


class OneSize(Sound):
    """Knows images of 16 x 16 pixels only."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8 * 7 * 7, 1024)

    def body(self, x: Tensor) -> Tensor:
        values: Tensor = self.layer(x).flatten(1)
        return values


class NotANumber(Sound):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x) / 0


class Blind(Sound):
    def body(self, x: Tensor) -> Tensor:
        return super().body(x) * 0


class Spoils(Sound):
    def forward(self, x: Tensor) -> Any:
        x.mul_(2)
        return super().forward(x)


class Random(Sound):
    def forward(self, x: Tensor) -> Any:
        return nn.functional.dropout(super().forward(x))  # also when it does not train


class OfTheBatch(Sound):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x - x.mean(0))


class Place(Sound):
    """The first image of a batch gets more."""

    def forward(self, x: Tensor) -> Any:
        return super().forward(x) * torch.linspace(2, 1, len(x), device=x.device)[:, None]


class NotStored(Sound):
    """A random table that is no buffer: it is not in the file of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.rand(1024)

    def forward(self, x: Tensor) -> Any:
        return super().forward(x) * self.table.to(x.device)


class OtherLayers(Sound):
    """Another number of layers each time that it is made."""

    made = 0

    def __init__(self) -> None:
        super().__init__()
        OtherLayers.made += 1
        for k in range(OtherLayers.made):
            self.register_buffer(f"layer{k}", torch.zeros(1))


class Counts(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Any:
        self.seen += len(x)
        return super().forward(x)


class NoGradient(Sound):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).detach()


class BadGradient(Sound):
    """The square root has no finite gradient at 0."""

    def forward(self, x: Tensor) -> Any:
        return (super().forward(x) * 0).sqrt() + super().forward(x)


class HereOnly(Sound):
    """Always computes on the CPU."""

    def forward(self, x: Tensor) -> Any:
        return super().forward(x) * torch.ones(len(x), 1024)


SOUND = (Sound, Smooth, Negative)
WRONG: list[tuple[type[nn.Module], str, str]] = [
    (Narrow, "features of 16 x 16 pixels", "float32 [12, 512]"),
    (Double, "features of 16 x 16 pixels", "float64 [12, 1024]"),
    (Pair, "features of 16 x 16 pixels", "a tuple"),
    (OneSize, "features", "RuntimeError: mat1 and mat2"),
    (NotANumber, "features of 16 x 16 pixels", "s holds "),
    (Blind, "different images", "all images have the same"),
    (Spoils, "input", "changed for 16 x 16 and 24 x 24 pixels"),
    (Random, "same images twice", "s differs in 12 of 12 images"),
    (Random, "global generators", "torch used"),
    (OfTheBatch, "among 12 images", "s differs in 5 of 5 images"),
    (OfTheBatch, "an image alone", "s differs in 5 of 5 images"),
    (Place, "in reverse order", "s differs in 4 of 5 images"),
    (NotStored, "stored weights", "s differs in 12 of 12 images"),
    (OtherLayers, "stored weights", 'Missing key(s) in state_dict: "layer1"'),
    (Counts, "state", "seen changed"),
    (NoGradient, "training", "s has no gradient"),
    (BadGradient, "training", "not finite: layer.weight"),
    (HereOnly, "device", "device"),
]


@pytest.fixture(scope="module")
def reports() -> dict[type[nn.Module], Report]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "SIZES", (16, 24))
        return {kind: check_encoder(kind) for kind, _, _ in WRONG}


@pytest.mark.parametrize("kind", SOUND, ids=lambda kind: kind.__name__)
def test_what_is_right_passes(kind: type[nn.Module]) -> None:
    before = torch.get_rng_state()
    report = check_encoder(kind)
    assert report.ok, str(report)
    assert report.subject == f"test_check_encoder:{kind.__name__}"
    assert len(report.findings) == 14
    unknown = {f.what for f in report.findings if f.ok is None}
    assert unknown == ({"sign"} if kind is Negative else set())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("kind", "what", "found"), WRONG)
def test_a_broken_encoder_is_told_what_is_wrong(
    kind: type[nn.Module], what: str, found: str, reports: dict[type[nn.Module], Report]
) -> None:
    failures = {finding.what: finding for finding in reports[kind].failures}
    assert what in failures, str(reports[kind])
    assert found in failures[what].found
    assert failures[what].expected


def test_one_mistake_is_one_failure(reports: dict[type[nn.Module], Report]) -> None:
    for kind in (Narrow, Double, Pair, OneSize, NotANumber, Spoils, NotStored, Counts, HereOnly):
        assert len(reports[kind].failures) == 1, str(reports[kind])


def test_the_example_passes_as_a_class_and_as_a_network() -> None:
    for given in (example().SmallCnn, example().SmallCnn(width=8)):
        report = check_encoder(given)
        assert report.ok, str(report)


@pytest.mark.integration
def test_the_built_in_encoder_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "SIZES", SIZES)
    report = check_encoder("densenet121")
    assert report.ok, str(report)


def test_encoders_are_recognized() -> None:
    for name in ("densenet121", "timm:resnet50", "test_check_encoder:Sound", "torch.nn:ReLU"):
        assert recognize(name) == "encoder"


def test_what_is_no_encoder_is_one_line() -> None:
    for given, message in (
        ("torch.nn:ReLU", "has no parameters"),
        ("torch.nn:Linear", "cannot be made: TypeError"),
        ("densenet", "unknown backbone 'densenet'"),
        ("test_check_encoder:EXAMPLE", "it must be a subclass of torch.nn.Module"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            check_encoder(given)
        assert "\n" not in str(caught.value)
