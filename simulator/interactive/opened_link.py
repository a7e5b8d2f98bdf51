"""An opened link: scheme, networks and channel of a run, ready to send images one by one."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
import pandas as pd
import torch

from phy.channel import Channel
from semantic.data.dataset import VehicleImages
from semantic.tasks import TaskOutputs
from simulator.given_values import one_or_several, plain
from simulator.interactive.given_images import (
    GivenImages,
    ImageLike,
    choose_numbers,
    collect_images,
    listed_images,
)
from simulator.interactive.recorder import Recorder, Transmission
from simulator.interactive.sent import Sent
from simulator.interactive.tables import Record
from simulator.ledger import Ledger
from simulator.results.image_rows import answer_rows
from simulator.run_fields import RunFields, listed_snrs, with_fields, with_run_fields
from simulator.setup.prepare import Prepared, prepare
from simulator.spec import RunSpec
from simulator.spec_fields import read_field
from simulator.sweeps.cells import one_thread
from simulator.sweeps.own_encoder import encoder_of

#: Sets of images whose encoder outputs a link keeps.
MOST_SETS = 8


class Link:
    """A link that sends images; `open_link` makes it.

    Attributes:
        spec: The specification of a run with the same settings.
        scheme: Name of the scheme.
        data: The data set, whose images `send` takes by number.
    """

    def __init__(self, prepared: Prepared) -> None:
        self.spec, self.data = prepared.spec, prepared.dataset
        (self.scheme,) = prepared.schemes
        self._prepared = prepared
        self._sets: OrderedDict[tuple[str, bytes], GivenImages] = OrderedDict()

    def __repr__(self) -> str:
        spec = self.spec
        return (
            f"Link({self.scheme!r}, channel {spec.channel_label}, T {1e3 * spec.slot_s:g} ms, "
            f"W {spec.bandwidth / 1e6:g} MHz, at most {spec.max_transmissions} transmissions)"
        )

    def send(
        self,
        images: ImageLike | Iterable[ImageLike],
        snr_db: float | str | Iterable[float] | None = None,
        *,
        seed: int | Iterable[int] | None = None,
        numbers: int | Iterable[int] | None = None,
    ) -> Sent:
        """Sends images over the link, each at every SNR with every seed.

        The result equals the rows of a run of `spec` with the same image, SNR and seed, bit by bit.

        Args:
            images: A file, a uint8 array [h, w, 3] or [h, w], a Pillow image, the number of an
                image of `data`, or several: a list or generator of these, an array [images, h, w,
                3], or an array of numbers.
            snr_db: Average Es/N0 per channel use in dB, one or several ("-6:8:2" too); None for
                those of `spec`.
            seed: Seed of fading and noise, one or several; None for that of `spec`.
            numbers: Numbers of the images, all different, on which fading and noise depend as well.
                None for the number in `data` of images that come from there, and 0, 1, 2, ... for
                others.

        Returns:
            The record of the transmissions. Its arrays have an axis for each of SNRs, seeds and
            images of which a list was given, in this order.

        Raises:
            ValueError: One line, for an image that cannot be read, or a value that is not allowed.

        Example:
            ```
            sent = link.send("car.jpg", snr_db=0)
            sent = link.send([3, 5, 8], snr_db="-6:8:2", seed=range(10))
            ```
        """
        listed, several_images = listed_images(images)
        snr_db = plain(snr_db)
        several_snrs = snr_db is None or isinstance(snr_db, Iterable)
        snrs = self.spec.snr_db if snr_db is None else read_field("snr_db", listed_snrs(snr_db))
        seeds, several_seeds = _seeds(self.spec, seed)
        found, of_data = collect_images(listed, self.data)
        encoded = self._encoded(found, choose_numbers(numbers, of_data))
        with one_thread():
            records = [self._send(encoded, at, own) for at in snrs for own in seeds]
        axes = (
            several_snrs,
            several_seeds,
            several_images,
        )
        table = pd.concat([self._rows(encoded, record) for record in records], ignore_index=True)
        return Sent(
            self.spec,
            found,
            encoded.numbers,
            encoded.pixels(encoded.numbers),
            tuple(records),
            table,
            axes,
        )

    def _encoded(self, images: VehicleImages, numbers: np.ndarray) -> GivenImages:
        """Returns the images behind the encoder, which has seen the latest ones already."""
        key = images.content_hash(), numbers.tobytes()
        if key not in self._sets:
            encoder = encoder_of(self._prepared)
            self._sets[key] = GivenImages(images, numbers, encoder, self._prepared.device)
            while len(self._sets) > MOST_SETS:
                self._sets.popitem(last=False)
        self._sets.move_to_end(key)
        return self._sets[key]

    @torch.inference_mode()
    def _send(self, encoded: GivenImages, snr_db: float, seed: int) -> Record:
        """Sends the images at one SNR with one seed, batch by batch."""
        prepared, spec = self._prepared, self.spec
        scheme = prepared.schemes[self.scheme]
        parts: list[tuple[TaskOutputs, Ledger]] = []
        made: list[Transmission] = []
        size = spec.batch_size or scheme.batch_size
        for first in range(0, len(encoded.numbers), size):
            rows = np.arange(first, min(first + size, len(encoded.numbers)))
            recorder = Recorder(scheme, len(rows))
            payload = scheme.encode(encoded, rows)
            at = snr_db, seed, encoded.numbers[rows], encoded
            parts.append(prepared.transmit(recorder, payload, *at))
            made += [replace(one, images=one.images + first) for one in recorder.transmissions_made]
        outputs = TaskOutputs(*(torch.cat(c) for c in zip(*(o for o, _ in parts), strict=True)))
        costs = Ledger.join([ledger for _, ledger in parts])
        return Record(snr_db, seed, outputs, costs, tuple(made))

    def _rows(self, encoded: GivenImages, record: Record) -> pd.DataFrame:
        """Returns the rows of a run, without what needs a gallery."""
        spec, scheme = self.spec, self._prepared.schemes[self.scheme]
        slot = spec.slot(record.snr_db)
        most = 1 if scheme.open_loop else scheme.transmissions(slot, spec.max_transmissions)
        table = answer_rows(
            encoded.dataset,
            record.outputs,
            record.ledger,
            scheme.reasons,
            slot.bits_per_use,
            most - 1,
            record.snr_db,
            encoded.source_values,
        )
        at: dict[str, Any] = {
            "scheme": self.scheme,
            "channel": spec.channel_label,
            "snr_db": record.snr_db,
            "seed": record.seed,
        }
        table = table.assign(image=encoded.numbers, **at)
        return table[[*at, *(name for name in table.columns if name not in at)]]


def _seeds(spec: RunSpec, given: int | Iterable[int] | None) -> tuple[list[int], bool]:
    """Returns (the seeds that were given, checked, or those of the spec; whether they are a list)."""
    if given is None:
        return list(range(spec.seed, spec.seed + spec.seeds)), spec.seeds > 1
    listed, several = one_or_several(given)
    seeds = [read_field("seed", seed) for seed in listed]
    if not seeds:
        raise ValueError("no seed was given")
    twice = [seed for seed, count in Counter(seeds).items() if count > 1]
    if twice:
        raise ValueError(f"seed {twice[0]} is given twice")
    return seeds, several


@with_run_fields
def open_link(scheme: str = "semharq", **fields: Unpack[RunFields]) -> Link:
    """Opens a link: its networks, its channel and its scheme, for any number of images.

    Args:
        scheme: A name of the catalog (`simulate list` shows them) or "module:factory".
        fields: Fields of a run, as for `simulate`: channel="rician", fading="block",
            scheme_args={"theta_0_db": 0}, weights="weights", data="photos", ... The channel may also
            be an object, `channel=MyChannel(0.5)`. Those of a whole run (`until`, `max_seeds` and
            `gallery`) have no effect.

    Returns:
        The link. Its method `send` sends images.

    Raises:
        ValueError: One line, for a value that is not allowed, or data or weights that are missing.

    Example:
        ```
        from simulator import open_link

        link = open_link("semharq", channel="rician", fading="block")
        sent = link.send("car.jpg", snr_db=0)
        print(sent.predictions, sent.transmissions, sent.channel_uses)
        sent.show().savefig("sent.png")
        ```
    """
    given = dict(fields)
    own = given.get("channel")
    if isinstance(own, type):
        raise ValueError(
            f"channel is the class {own.__name__}: give an object, {own.__name__}(...)"
        )
    if isinstance(own, Channel):
        taken = [name for name in ("channel_args", "fading") if given.get(name)]
        if taken:
            raise ValueError(
                f"{taken[0]} was given beside a channel object, which has its arguments"
            )
        given["channel"] = f"{type(own).__module__}:{type(own).__qualname__}"
    spec = with_fields(RunSpec(), scheme, None, given)
    if len(spec.schemes) > 1:
        raise ValueError(f"a link has one scheme, {scheme!r} are {len(spec.schemes)}")
    return Link(prepare(spec, own if isinstance(own, Channel) else None))
