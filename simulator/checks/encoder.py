"""Conformance check of an encoder network: images -> s, built in, of timm, or a user's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from semantic.conventions import SEMANTIC_FEATURES
from semantic.encoder.densenet import normalize
from semantic.encoder.timm import build_backbone
from semantic.tiles import in_tiles
from semantic.training.encoder import EncoderRecipe
from simulator.checks.part import open_part
from simulator.checks.report import Finding, GlobalGenerators, Report, gather, holds
from simulator.encoded_dataset import TILE

#: Edges in pixels of the trial images: those of the training by default.
SIZES = tuple(dict.fromkeys(size for size, _ in EncoderRecipe().phases))
#: Trial images, and those that are encoded in a batch for the first time.
IMAGES, FIRST = 12, 5

#: What torch says when a network computes with a tensor of another device.
ELSEWHERE = re.compile(r"on the (?:same|expected) device|expected device")


def check_encoder(encoder: nn.Module | type[nn.Module] | str) -> Report:
    """Encodes a few random images and checks everything that training and runs assume.

    The images are the same in every call. The weights are the initial ones: no training is needed.

    Args:
        encoder: A network, its class, or a value of --backbone, e.g. "package.module:Class".

    Returns:
        A report. Its `ok` is True if all checks hold; `print` shows the failed ones.

    Raises:
        ValueError: For a network that cannot be imported or made, in one line.

    Example:
        ```
        from simulator import check_encoder

        print(check_encoder("my_encoder:SmallCnn"))
        ```
    """
    with torch.random.fork_rng(devices=[]):  # initial weights are random
        torch.manual_seed(0)
        subject, network, _ = open_part(encoder, nn.Module, build_backbone)
        if isinstance(network, Finding):
            return Report("encoder", subject, (network,))
        other = _made_again(encoder, network)
    trial = EncoderTrial(deepcopy(network).eval())
    features = gather("encoder", subject, {"features": lambda: _features(trial)})
    if not features.ok:  # everything else needs them
        return features
    rules = {
        "same images twice": lambda: _repeats(trial),
        "a batch of other images": lambda: _batches(trial),
        "stored weights": lambda: _stored(trial, other),
        "training": lambda: _trains(deepcopy(network).train()),
        "device": lambda: _device(deepcopy(network).eval()),
    }
    others = gather("encoder", subject, rules)
    return replace(others, findings=features.findings + others.findings)


def _made_again(encoder: nn.Module | type[nn.Module] | str, network: nn.Module) -> nn.Module:
    """Returns another network of the same code, with other initial weights."""
    if isinstance(encoder, nn.Module):
        return deepcopy(network)
    return build_backbone(encoder) if isinstance(encoder, str) else encoder()


def trial_images(size: int) -> Tensor:
    """Returns the trial images: random pixels, uint8 [12, size, size, 3].

    >>> trial_images(64).shape
    torch.Size([12, 64, 64, 3])
    """
    generator = torch.Generator().manual_seed(size)
    shape = (IMAGES, size, size, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@dataclass(frozen=True)
class EncoderTrial:
    """A network that encodes images as a run does.

    Attributes:
        network: The network, not in training.
    """

    network: nn.Module

    def encode(self, pixels: Tensor) -> Tensor:
        """Returns s of uint8 pixels [batch, size, size, 3], in the tiles of a run."""
        with torch.inference_mode():
            s: Tensor = in_tiles(lambda x: self.network(normalize(x)), pixels, tile=TILE)
        return s


def features_problem(s: object, batch: int) -> str | None:
    """Returns the first problem of the features of so many images; None if there is none.

    >>> features_problem(torch.zeros(2, 512), 2)
    'float32 [2, 512]'
    """
    if not isinstance(s, Tensor):
        return f"a {type(s).__name__}"
    if s.dtype != torch.float32 or s.shape != (batch, SEMANTIC_FEATURES):
        return f"{s.dtype} {[*s.shape]}".removeprefix("torch.")
    if not bool(s.isfinite().all()):
        return f"s holds {s[~s.isfinite()][0].item()}"
    return None


def _features(trial: EncoderTrial) -> Iterator[Finding]:
    """Calls the network itself, because a wrong shape cannot be divided into tiles."""
    least, written = float("inf"), []
    for size in SIZES:
        x = normalize(trial_images(size))
        given = x.clone()
        with torch.inference_mode():
            s = trial.network(given)
        problem = features_problem(s, IMAGES)
        what = f"features of {size} x {size} pixels"
        expected = f"s float32 [{IMAGES}, {SEMANTIC_FEATURES}], finite"
        yield holds(what, expected, problem)
        if problem is not None:
            return
        if not torch.equal(given, x):
            written.append(f"{size} x {size}")
        least = min(least, float(s.min()))
    changed = f"changed for {' and '.join(written)} pixels" if written else None
    yield holds("input", "is not written to", changed)
    one = "all images have the same" if bool((s == s[:1]).all()) else None
    yield holds("different images", "different features", one)
    if least < 0:
        found = f"the smallest is {least:.3g}: the decoders of the built-in links give none below 0"
        yield Finding("sign", "no negative feature", found, None)
    else:
        yield holds("sign", "no negative feature", None)


def _repeats(trial: EncoderTrial) -> Iterator[Finding]:
    pixels, generators = trial_images(SIZES[0]), GlobalGenerators()
    before = deepcopy(trial.network.state_dict())
    first, again = trial.encode(pixels), trial.encode(pixels)
    yield holds("same images twice", "s equal bit for bit", _difference(first, again), "equal")
    yield generators.finding()
    after = trial.network.state_dict()
    moved = [name for name, value in before.items() if not torch.equal(value, after[name])]
    problem = f"{', '.join(moved[:3])} changed" if moved else None
    yield holds("state", "encoding changes no weight and no statistic", problem)


def _batches(trial: EncoderTrial) -> Iterator[Finding]:
    pixels = trial_images(SIZES[-1])
    first = trial.encode(pixels[:FIRST])
    expected = f"s of an image as in a batch of {FIRST}, bit for bit"
    cases: dict[str, Callable[[], Tensor]] = {
        f"among {IMAGES} images": lambda: trial.encode(pixels)[:FIRST],
        "in reverse order": lambda: trial.encode(pixels[:FIRST].flip(0)).flip(0),
        "an image alone": lambda: torch.cat([trial.encode(row) for row in pixels[:FIRST].split(1)]),
    }
    for what, encode in cases.items():
        yield holds(what, expected, _difference(first, encode()), "equal")


def _stored(trial: EncoderTrial, other: nn.Module) -> Iterator[Finding]:
    """Another network with the same weights: as one that a run reads from a file."""
    what, expected = "stored weights", "a new network with the weights of the first gives its s"
    try:
        other.load_state_dict(trial.network.state_dict())
    except RuntimeError as error:  # the names or shapes are others
        yield holds(what, expected, " ".join(str(error).split())[:160])
        return
    pixels = trial_images(SIZES[0])
    found = EncoderTrial(other.eval()).encode(pixels)
    yield holds(what, expected, _difference(trial.encode(pixels), found), "equal")


def _trains(network: nn.Module) -> Iterator[Finding]:
    expected = "in training, finite gradients of s"
    s = network(normalize(trial_images(SIZES[0])))
    problem = features_problem(s, IMAGES)
    parameters = {n: p for n, p in network.named_parameters() if p.requires_grad}
    if problem is None and not (parameters and s.requires_grad):
        problem = "s has no gradient"
    if problem is not None:
        yield holds("training", expected, problem)
        return
    s.square().sum().backward()
    known = {name: p.grad for name, p in parameters.items() if p.grad is not None}
    wrong = [name for name, gradient in known.items() if not bool(gradient.isfinite().all())]
    found = f"{len(known)} of {len(parameters)} parameters have one"
    yield holds("training", expected, f"not finite: {wrong[0]}" if wrong else None, found)


def _device(network: nn.Module) -> Iterator[Finding]:
    """On a GPU; without one on torch's "meta" device, which has shapes and no numbers."""
    device = "cuda:0" if torch.cuda.is_available() else "meta"
    what, expected = "device", f"s where the images are ({device})"
    x = normalize(trial_images(SIZES[0]))
    try:
        with torch.inference_mode():
            s = network.to(device)(x.to(device))
    except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        if device != "meta" or ELSEWHERE.search(str(error)):
            raise
        text = " ".join(str(error).split())[:80]
        yield Finding(what, expected, f"this machine has no GPU to tell with: {text}", None)
        return
    yield holds(what, expected, None if str(s.device) == device else f"s is on {s.device}")


def _difference(first: Tensor, second: Tensor) -> str | None:
    """Returns how two results differ; None if they are equal."""
    if torch.equal(first, second):
        return None
    rows = int((first != second).any(1).sum())
    largest = float((first - second).abs().max())
    return f"s differs in {rows} of {len(first)} images, by at most {largest:.2g}"
