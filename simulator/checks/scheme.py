"""Whether a scheme keeps the contract of `simulator.scheme.Scheme`: a few images, the real path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from phy.channels.fading import Rician
from phy.streams import Streams
from semantic.data.opening import open_dataset
from semantic.tasks import TaskOutputs
from simulator.checks.report import Finding, GlobalGenerators, Report, gather, holds
from simulator.checks.witness import Witness, payload_rows
from simulator.encoded_dataset import EncodedDataset
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.scheme import Payload, Scheme
from simulator.setup.networks import Networks
from simulator.setup.schemes import build_schemes
from simulator.spec import RunSpec

#: About how many images, and how many of them travel together in the second run.
IMAGES, PART = 12, 5
SNR_DB = (0.0, 9.0)


@dataclass(frozen=True)
class Case:
    """A scheme beside the images that it is to send.

    Attributes:
        scheme: The scheme.
        encoded: The images and the encoder.
        spec: Slots and G_max.
    """

    scheme: Scheme
    encoded: EncodedDataset
    spec: RunSpec

    def __len__(self) -> int:
        return len(self.encoded.features.kept)

    def encode(self, rows: np.ndarray) -> Payload:
        """What the scheme makes of some of the images."""
        with torch.inference_mode():
            return self.scheme.encode(self.encoded, rows)

    def run(self, snr_db: float, batches: list[np.ndarray], scheme: Any) -> list[Tensor]:
        """Every column of outputs and costs, in the order of the batches' images."""
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
) -> Report:
    """Sends a few images at 0 and 9 dB over Rician fading and looks at everything on the way.

    Args:
        scheme: A name of the catalog, "package.module:factory", or the factory itself, called
            as factory(networks, **arguments).
        arguments: As --scheme-arg gives them.
        data: Images to send.
        images: About how many.
        weights: Directory or file of trained weights; None for the package's.
        bandwidth_hz: W of the slots; None for the data set's preset.

    Returns:
        A report; its `ok` says whether all holds, `print` shows what does not.

    Raises:
        ValueError: One line, for an unknown name, argument, data set or missing weights.
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
        device="cpu",
    )
    networks = Networks(spec, "cpu")
    made: Any = scheme(networks, **given) if callable(scheme) else build_schemes(networks)[subject]
    if not isinstance(made, Scheme):
        found = f"a {type(made).__name__}"
        wrong = Finding("factory", "gives a simulator.scheme.Scheme", found, False)
        return Report("scheme", subject, (wrong,))
    dataset = open_dataset(data).limit(images, seed=0)
    encoded = EncodedDataset(dataset, networks.encoder, "cpu", lambda what, done, total: None)
    case = Case(made, encoded, spec)
    rules = {
        "payload": lambda: _payload(case),
        "a run": lambda: _watched(case),
        "same numbers": lambda: _repeats(case),
    }
    return gather("scheme", subject, rules)


def _payload(case: Case) -> Iterator[Finding]:
    rows = np.arange(len(case))
    payload = case.encode(rows)
    columns = payload.columns
    wrong = [
        f"{name} has {len(value)}" for name, value in columns.items() if len(value) != len(rows)
    ]
    expected = f"tensors and lists with one entry for each of {len(rows)} images"
    yield holds("payload", expected, ", ".join(wrong) or None, ", ".join(columns) or "empty")
    some = payload.take(torch.from_numpy(rows[:2]))
    if payload_rows(some) not in (2, None):
        yield holds("payload.take", "2 images", f"{payload_rows(some)}")


def _watched(case: Case) -> Iterator[Finding]:
    witness, problem, spent = Witness(case.scheme), None, []
    try:
        for snr_db in SNR_DB:
            columns = dict(zip(COLUMNS, case.run(snr_db, _batches(case), witness), strict=True))
            uses = columns["channel_uses"].double().mean()
            sent = columns["transmissions"].double().mean()
            spent.append(f"{uses:.0f} uses in {sent:.1f} transmissions at {snr_db:g} dB")
    except Exception as error:  # a user's scheme can raise anything
        problem = f"{type(error).__name__}: {' '.join(str(error).split())}"
    yield from witness.findings()
    yield holds("a run", "ends without an error", problem, "; ".join(spent))


def _repeats(case: Case) -> Iterator[Finding]:
    generators = GlobalGenerators()
    first = [case.run(snr_db, _batches(case), case.scheme) for snr_db in SNR_DB]
    again = [case.run(snr_db, _batches(case), case.scheme) for snr_db in SNR_DB]
    yield holds(
        "the same run twice",
        "outputs and costs equal bit for bit",
        _difference(first, again),
        "equal",
    )
    yield generators.finding()
    order = np.arange(len(case))[::-1].copy()
    parts = [order[start : start + PART] for start in range(0, len(order), PART)]
    turned = [[c[order] for c in case.run(snr_db, parts, case.scheme)] for snr_db in SNR_DB]
    yield holds(
        f"batches of {PART}, last image first",
        "every image has the outputs and costs that it has in one batch, bit for bit",
        _difference(first, turned),
        "equal",
    )


def _batches(case: Case) -> list[np.ndarray]:
    return [np.arange(len(case))]


def _difference(first: list[list[Tensor]], second: list[list[Tensor]]) -> str | None:
    for snr_db, a, b in zip(SNR_DB, first, second, strict=True):
        for name, x, y in zip(COLUMNS, a, b, strict=True):
            if not torch.equal(x, y):
                return f"{name} differs at {snr_db:g} dB"
    return None
