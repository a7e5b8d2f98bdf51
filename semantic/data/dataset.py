"""Labeled vehicle images: what every loader returns and everything behind it reads.

open_dataset(spec, split) -> VehicleImages -> limit / subset -> images.load_images
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from semantic.conventions import UNKNOWN as UNKNOWN  # part of this module's interface
from semantic.data.columns import check_files, labels
from semantic.data.filenames import printable, shown
from semantic.data.image_files import UNREADABLE as UNREADABLE
from semantic.data.image_files import ImageFile as ImageFile  # part of this module's interface
from semantic.data.image_files import content, digest, hash_of

Split = Literal["test", "train"]

# In the order of VeRi-776's list_color.txt and list_type.txt: index = VeRi's id - 1.
COLORS = (
    *("yellow", "orange", "green", "gray", "red"),
    *("blue", "white", "golden", "brown", "black"),
)
TYPES = ("sedan", "suv", "van", "hatchback", "mpv", "pickup", "bus", "truck", "estate")

SPLITS: tuple[Split, ...] = ("test", "train")


@dataclass(frozen=True, eq=False)
class VehicleImages:
    """A labeled set of vehicle images; its arrays share the axis "images".

    An image that is both a query and in the gallery (every VeRi-776 query is) is two rows; the
    evaluation leaves out images of the same vehicle and the same camera.

    Every negative vehicle or camera means `UNKNOWN`. An image of an unknown vehicle has no identity:
    it is never a query, and the ranking ignores it (it is neither a match nor a distractor). Its
    color and type count.

    Attributes:
        name: what messages and results call the set.
        files: where the bytes of each image are.
        vehicle: identity, [images] int64, `UNKNOWN` where unlabeled; the numbers need not be
            contiguous.
        camera: camera, [images] int64, `UNKNOWN` where unlabeled.
        color: index into `colors`, [images] int64, `UNKNOWN` where unlabeled.
        type: index into `types`, [images] int64, `UNKNOWN` where unlabeled.
        is_query: [images] bool; all False in a training set and for unknown vehicles.
        colors: names of the colors.
        types: names of the types.
        left_out: one line for each file that the loader found and did not take.

    Raises:
        ValueError: if the lengths differ or a label is outside its names.
    """

    name: str
    files: tuple[ImageFile, ...]
    vehicle: npt.NDArray[np.int64]
    camera: npt.NDArray[np.int64]
    color: npt.NDArray[np.int64]
    type: npt.NDArray[np.int64]
    is_query: npt.NDArray[np.bool_]
    colors: tuple[str, ...] = COLORS
    types: tuple[str, ...] = TYPES
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", printable(self.name))
        object.__setattr__(self, "files", tuple(self.files))
        check_files(f"{self.name}: files", self.files)
        for field in ("vehicle", "camera", "color", "type", "is_query"):
            column = labels(f"{self.name}: {field}", getattr(self, field), field == "is_query")
            if column.shape != (len(self.files),):
                raise ValueError(
                    f"{self.name}: {field} has shape {column.shape}, "
                    f"must be ({len(self.files)},), one per image"
                )
            object.__setattr__(self, field, column)
        for field in ("vehicle", "camera"):
            object.__setattr__(self, field, np.maximum(getattr(self, field), UNKNOWN))
        object.__setattr__(self, "is_query", self.is_query & self.known)
        for field, names in (("color", self.colors), ("type", self.types)):
            column = getattr(self, field)
            if np.any((column < UNKNOWN) | (column >= len(names))):
                raise ValueError(
                    f"{self.name}: {field} must be {UNKNOWN} or 0 to {len(names) - 1}, "
                    f"is {column.min()} to {column.max()}"
                )

    def __len__(self) -> int:
        return len(self.files)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """[images] bool: images whose vehicle is known."""
        known: npt.NDArray[np.bool_] = self.vehicle != UNKNOWN
        return known

    def subset(
        self, index: Sequence[int] | npt.NDArray[np.int64] | npt.NDArray[np.bool_]
    ) -> VehicleImages:
        """The images at the given places, or where a [images] bool mask is True, in that order."""
        at = np.arange(len(self))[np.asarray(index, dtype=None if len(index) else np.int64)]
        found = replace(
            self,
            files=tuple(self.files[i] for i in at),
            vehicle=self.vehicle[at],
            camera=self.camera[at],
            color=self.color[at],
            type=self.type[at],
            is_query=self.is_query[at],
        )
        if "digests" in self.__dict__:
            found.__dict__["digests"] = tuple(self.digests[i] for i in at)
        return found

    def limit(self, images: int, seed: int) -> VehicleImages:
        """About `images` images: whole vehicles in a random order that only the seed decides.

        Every scheme gets the same subset, and a smaller subset is part of a larger one. A set with
        queries keeps at least one that the gallery answers. The gallery shrinks too, so
        re-identification gets easier: numbers of different sizes do not compare.

        Args:
            images: wanted number; the result has this many up to one vehicle.
            seed: seed of the order of the vehicles.

        Raises:
            ValueError: if `images` is below 1.
        """
        if images < 1:
            raise ValueError(f"number of images is {images}, must be at least 1")
        if images >= len(self):
            return self
        # Images of unknown vehicles are no vehicle together: each is drawn by itself.
        unit = np.where(self.known, self.vehicle, -1 - np.arange(len(self)))
        vehicles, inverse, counts = np.unique(unit, return_inverse=True, return_counts=True)
        order = np.random.default_rng(seed).permutation(len(vehicles))
        useful = np.isin(vehicles[order], self.vehicle[self.answerable()])
        if useful.any():  # put first, so that it is in every subset
            first = int(np.argmax(useful))
            order = np.concatenate([order[[first]], np.delete(order, first)])
        total = np.cumsum(counts[order])
        keep = max(1, int(np.searchsorted(total, images, side="right")))
        # One more vehicle, if that comes closer to the wanted number.
        if keep < len(order) and total[keep] - images < images - total[keep - 1]:
            keep += 1
        return self.subset(np.isin(inverse, order[:keep]))

    def answerable(self) -> npt.NDArray[np.bool_]:
        """[images] bool: queries whose vehicle another camera has in the gallery."""
        seen_by: dict[int, set[int]] = {}
        for i in np.flatnonzero(~self.is_query & self.known):
            seen_by.setdefault(int(self.vehicle[i]), set()).add(int(self.camera[i]))
        answer = np.zeros(len(self), dtype=np.bool_)
        for i in np.flatnonzero(self.is_query):
            answer[i] = bool(seen_by.get(int(self.vehicle[i]), set()) - {int(self.camera[i])})
        return answer

    def contradictions(self) -> tuple[str, ...]:
        """Says which colors and types differ among the images of one vehicle, a line for each.

        A vehicle has one color and one type: several are a sign of labels in a wrong order.
        """
        found: list[str] = []
        for what, column, names in (
            ("color", self.color, self.colors),
            ("type", self.type, self.types),
        ):
            labeled = self.known & (column != UNKNOWN)
            pairs = np.unique(np.stack([self.vehicle[labeled], column[labeled]]), axis=1)
            vehicles, counts = np.unique(pairs[0], return_counts=True)
            several = vehicles[counts > 1]
            if len(several):
                its = " and ".join(names[i] for i in pairs[1][pairs[0] == several[0]])
                found.append(
                    f"{len(several)} of {len(vehicles)} vehicles have images of more than one {what}, "
                    f"the first is {several[0]}: {its}"
                )
        return tuple(found)

    def read(self, i: int) -> bytes:
        """The encoded bytes of image `i`.

        Raises:
            OSError: if its file cannot be read.
            ValueError: if the file is not the one that was hashed: its results would be kept under
                the hash of other bytes.
        """
        try:
            found = content(self.files[i])
        except OSError:
            self._refuse_change(i, None)
            raise
        self._refuse_change(i, found)
        return found

    def _refuse_change(self, i: int, found: bytes | None) -> None:
        if "digests" in self.__dict__ and self.digests[i] != digest(found):
            raise ValueError(
                f"{self.name}: {shown(self.files[i].name)} has changed since it was first read; a "
                "file must give the same bytes at every read: run again"
            )

    def content_hash(self) -> str:
        """SHA-256 over names, labels and bytes of all images, in hexadecimal.

        It does not depend on where the set is stored. Read once per instance.
        """
        return self._content_hash

    @cached_property
    def _content_hash(self) -> str:
        found = hashlib.sha256(repr((len(self), self.colors, self.types)).encode())
        for column in (self.vehicle, self.camera, self.color, self.type, self.is_query):
            found.update(column.astype("<i8").tobytes())
        for file, sha in zip(self.files, self.digests, strict=True):
            found.update(repr((file.name, sha)).encode())
        return found.hexdigest()

    def file_hashes(self) -> frozenset[bytes]:
        """SHA-256 of the bytes of every image that can be read, whatever its name and labels."""
        return frozenset(self.digests) - {UNREADABLE}

    def images_hash(self) -> str:
        """SHA-256 over the bytes of all images, in hexadecimal; names, labels and order do not count."""
        return hashlib.sha256(b"".join(sorted(self.file_hashes()))).hexdigest()

    @cached_property
    def digests(self) -> tuple[bytes, ...]:
        """SHA-256 of the bytes of each image, `UNREADABLE` if there is none. Read once per instance."""
        return tuple(hash_of(file) for file in self.files)


class NoSuchSplitError(ValueError):
    """A data set has no images of a split: it is for training alone, or for test alone."""


def check_queries(images: VehicleImages, where: str) -> None:
    """Refuses a test set on which re-identification cannot be measured.

    Args:
        images: queries and gallery.
        where: the file or directory that the message names.

    Raises:
        ValueError: if there is no query, a query whose vehicle no other camera has in the gallery,
            or an image of a known vehicle without a camera.
    """
    blind = np.flatnonzero(images.known & (images.camera == UNKNOWN))
    if len(blind):
        i = int(blind[0])
        more = f" (and of {len(blind) - 1} more)" if len(blind) > 1 else ""
        raise ValueError(
            f"{where}: the camera of {shown(images.files[i].name)} is unknown{more}, so images of the "
            "query's own camera cannot be left out; give its camera, or vehicle -1"
        )
    if not images.is_query.any():
        unknown = int((~images.known).sum())
        reason = f" of a known vehicle ({unknown} images are of none)" if unknown else ""
        raise ValueError(f"{where}: no query images{reason}")
    lost = np.flatnonzero(images.is_query & ~images.answerable())
    if len(lost):
        i = int(lost[0])
        more = f" (and {len(lost) - 1} more queries)" if len(lost) > 1 else ""
        raise ValueError(
            f"{where}: no gallery image of vehicle {images.vehicle[i]} from a camera other than "
            f"{images.camera[i]} for query {shown(images.files[i].name)}{more}"
        )
