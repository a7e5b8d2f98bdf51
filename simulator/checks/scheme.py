"""Conformance check of a scheme: the contract of `simulator.scheme.Scheme`, on a few images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from phy.channels.fading import Rician
from phy.streams import Streams
from semantic.data.opening import open_dataset
from semantic.parts.errors import message, place
from semantic.parts.files import declare
from semantic.tasks import TaskOutputs
from simulator.checks.report import Finding, GlobalGenerators, Report, gather, holds
from simulator.checks.watched_scheme import WatchedScheme, payload_rows
from simulator.encoded_dataset import EncodedDataset
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.read_only import ReadOnlyInputs
from simulator.scheme import Payload, Scheme
from simulator.setup.networks import Networks
from simulator.setup.schemes import build_schemes
from simulator.spec import RunSpec

#: About how many images are transmitted, and how many form a batch in the second run.
IMAGES, PART = 12, 5
SNR_DB = (0.0, 9.0)


@dataclass(frozen=True)
class SchemeTrial:
    """A scheme with the images that it transmits in the check.

    Attributes:
        scheme: The scheme.
        other: Another object of the same scheme.
        encoded: The images behind the encoder.
        spec: The spec of the slots and of G_max.
    """

    scheme: Scheme
    other: Scheme
    encoded: EncodedDataset
    spec: RunSpec

    def __len__(self) -> int:
        return len(self.encoded.features.kept)

    def encode(self, rows: np.ndarray) -> Payload:
        """Returns the payload of some of the images."""
        with torch.inference_mode():
            return self.scheme.encode(self.encoded, rows)

    def sent_images(self, numbers: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Returns the images of some rows of a batch."""
        return self.encoded.pixels(numbers[rows])

    def run(self, snr_db: float, batches: list[np.ndarray], scheme: Any) -> list[Tensor]:
        """Returns all columns of outputs and costs, in the order of the images in the batches."""
        parts: list[tuple[TaskOutputs, Ledger]] = []
        for rows in batches:
            images = self.encoded.features.kept[rows]
            streams = Streams(0, f"check {snr_db}", images, device=self.encoded.device)
            slot, payload = self.spec.slot(snr_db), self.encode(rows)
            parts.append(
                run_link(
                    cast(Scheme, scheme),
                    payload,
                    Rician(),
                    slot,
                    streams,
                    self.spec.max_transmissions,
                    sent_images=partial(self.sent_images, images),
                )
            )
        outputs = [torch.cat(column).cpu() for column in zip(*(o for o, _ in parts), strict=True)]
        ledger = Ledger.join([part for _, part in parts])
        return outputs + [getattr(ledger, field.name) for field in fields(Ledger)]


COLUMNS = (*TaskOutputs._fields, *(field.name for field in fields(Ledger)))


def check_scheme(
    scheme: Callable[..., Scheme] | str,
    arguments: Mapping[str, Any] | None = None,
    data: str = "synthetic",
    images: int = IMAGES,
    weights: str | None = None,
    bandwidth_hz: float | None = None,
    budget: str = "slots",
) -> Report:
    """Transmits a few images at 0 and 9 dB over Rician fading and checks every step.

    Args:
        scheme: A name of the catalog, "package.module:factory", or the factory itself, called
            as factory(networks, **arguments).
        arguments: Arguments of the scheme, as --scheme-arg gives them.
        data: Data set of the images.
        images: About how many images.
        weights: Directory or file of trained weights; None for the package's.
        bandwidth_hz: Bandwidth W of the slots in Hz; None for the preset of the data set.
        budget: Limit of the slots, "slots" or "uses", as in a run.

    Returns:
        A report. Its `ok` is True if all checks hold; `print` shows the failed ones.

    Raises:
        ValueError: For an unknown name, argument or data set, or missing weights, in one line.

    Example:
        ```
        from simulator import check_scheme

        print(check_scheme("my_scheme:thumbnail", {"most_side": 16}))
        ```
    """
    named = isinstance(scheme, str)
    subject = scheme if isinstance(scheme, str) else f"{scheme.__module__}:{scheme.__qualname__}"
    given = dict(arguments or {})
    spec = RunSpec(
        schemes=(subject if named else "perfect",),
        snr_db=SNR_DB,
        scheme_args=tuple(sorted(given.items())) if named else (),
        data=data,
        images=images,
        weights=weights,
        bandwidth_hz=bandwidth_hz,
        budget=budget,
        device="cpu",
    )
    networks = Networks(spec, "cpu")
    files = networks.files[spec.schemes[0]]
    with files.active():
        made: list[Any] = [
            # A part may write into its networks.
            scheme(networks.apart(subject, copied=True), **given)
            if callable(scheme)
            else build_schemes(networks)[subject]
            for _ in range(2)
        ]
        declare("scheme", subject, made[0], given)
    if not isinstance(made[0], Scheme):
        found = f"a {type(made[0]).__name__}"
        wrong = Finding("factory", "returns a simulator.scheme.Scheme", found, False)
        return Report("scheme", subject, (wrong,))
    dataset = open_dataset(data).limit(images, seed=0)
    encoded = EncodedDataset(dataset, networks.encoder, "cpu", lambda what, done, total: None)
    one, other = (ReadOnlyInputs(scheme, subject, strict=False) for scheme in made)
    trial = SchemeTrial(one, other, encoded, spec)
    rules = {
        "payload": lambda: _payload(trial),
        "a run": lambda: _watched(trial),
        "same numbers": lambda: _repeats(trial),
    }
    return gather("scheme", subject, rules, files)


def _payload(trial: SchemeTrial) -> Iterator[Finding]:
    rows = np.arange(len(trial))
    payload = trial.encode(rows)
    columns = payload.columns
    wrong = [
        f"{name} has {len(value)}" for name, value in columns.items() if len(value) != len(rows)
    ]
    expected = f"tensors and lists with one entry for each of {len(rows)} images"
    yield holds("payload", expected, ", ".join(wrong) or None, ", ".join(columns) or "empty")
    some = payload.take(torch.from_numpy(rows[:2]))
    if payload_rows(some) not in (2, None):
        yield holds("payload.take", "2 images", f"{payload_rows(some)}")


def _watched(trial: SchemeTrial) -> Iterator[Finding]:
    watched, problem, spent = WatchedScheme(trial.scheme), None, []
    try:
        for snr_db in SNR_DB:
            columns = dict(zip(COLUMNS, trial.run(snr_db, _batches(trial), watched), strict=True))
            uses = columns["channel_uses"].double().mean()
            sent = columns["transmissions"].double().mean()
            spent.append(f"{uses:.0f} uses in {sent:.1f} transmissions at {snr_db:g} dB")
    except Exception as error:  # a user's scheme can raise anything
        problem = f"{type(error).__name__}: {message(error)}{place(error)}"
    yield from watched.findings()
    yield holds("a run", "ends without an error", problem, "; ".join(spent))


def _repeats(trial: SchemeTrial) -> Iterator[Finding]:
    generators = GlobalGenerators()
    first = [trial.run(snr_db, _batches(trial), trial.scheme) for snr_db in SNR_DB]
    anew = replace(trial, scheme=trial.other)  # what the first object keeps, this one lacks
    again = [anew.run(snr_db, _batches(anew), anew.scheme) for snr_db in SNR_DB[::-1]]
    yield holds(
        "run repeated",
        "outputs and costs of another object of the scheme, SNRs in reverse order, equal bit for bit",
        _difference(first, again[::-1]),
        "equal",
    )
    yield generators.finding()
    order = np.arange(len(trial))[::-1].copy()
    parts = [order[start : start + PART] for start in range(0, len(order), PART)]
    reordered = [[c[order] for c in trial.run(snr_db, parts, trial.scheme)] for snr_db in SNR_DB]
    yield holds(
        f"batches of {PART}, in reverse order",
        "outputs and costs of every image equal those in one batch, bit for bit",
        _difference(first, reordered),
        "equal",
    )


def _batches(trial: SchemeTrial) -> list[np.ndarray]:
    return [np.arange(len(trial))]


def _difference(first: list[list[Tensor]], second: list[list[Tensor]]) -> str | None:
    for snr_db, a, b in zip(SNR_DB, first, second, strict=True):
        for name, x, y in zip(COLUMNS, a, b, strict=True):
            if not torch.equal(x, y):
                return f"{name} differs at {snr_db:g} dB"
    return None
