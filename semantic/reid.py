"""Vehicle re-identification metrics: rank-1 and average precision of every query.

    cosine similarity -> drop junk -> rank the gallery -> first place right?
                                                       -> precision at every right place

Both need the whole gallery: a mean of batch means is another number, so `ReidMetric` keeps the
embeddings.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from semantic.conventions import UNKNOWN

# Similarities are computed in double precision and rounded to this grid: images that are equally
# similar tie on every machine and for every chunk size, instead of being ranked by rounding errors.
_TIE_GRID = 1e9


class ReidImages(NamedTuple):
    """Embedded images with what is known of them.

    Attributes:
        embedding: One vector per image; its length does not matter.
        vehicle: Identity, `UNKNOWN` where there is none.
        camera: Camera, `UNKNOWN` where there is none.
    """

    embedding: Float[Tensor, "images d"]
    vehicle: Int[Tensor, " images"]
    camera: Int[Tensor, " images"]


@dataclass(frozen=True)
class ReidResult:
    """What the ranking gave for each query, in the order of the queries.

    Attributes:
        rank1_hit: True if the most similar gallery image shows the query's vehicle; False if the
            query is invalid.
        average_precision: In [0, 1]; NaN if the query is invalid.
        valid: True if at least one gallery image could have been found.
    """

    rank1_hit: Bool[Tensor, " queries"]
    average_precision: Float[Tensor, " queries"]
    valid: Bool[Tensor, " queries"]

    @property
    def n_valid(self) -> int:
        """Number of queries that the two means are over."""
        return int(self.valid.sum())

    @property
    def n_invalid(self) -> int:
        """Number of queries without anything to find, left out of both means."""
        return len(self.valid) - self.n_valid

    @property
    def rank1(self) -> float:
        """Share of the valid queries whose first place is right, in [0, 1]."""
        return float(self.rank1_hit[self.valid].double().mean())

    @property
    def mean_average_precision(self) -> float:
        """Mean average precision (mAP) over the valid queries, in [0, 1]."""
        return float(self.average_precision[self.valid].mean())


def evaluate_reid(
    query: ReidImages, gallery: ReidImages, remove_junk: bool = True, chunk: int = 256
) -> ReidResult:
    """Ranks the gallery for every query by cosine similarity.

    Average precision is the plain one: the mean, over the images to be found, of the precision at
    their place; no trapezoids, no re-ranking. Equal similarities (within 1e-9) count against the
    query: wrong images come before right ones, so that a network that maps everything to one point
    scores as badly as it should. Gallery images of unknown vehicle are left out, for they may be
    right or wrong; a query of unknown vehicle is invalid.

    Args:
        query: The images to look up.
        gallery: The images to find them in.
        remove_junk: Leave out gallery images of the same vehicle and the same camera as the query:
            near copies that need no recognition.
        chunk: Queries ranked at a time; bounds the memory (about 50 bytes x chunk x gallery),
            changes no result.

    Returns:
        One entry per query.

    Raises:
        ValueError: No query has anything to find, sizes disagree, an embedding is not finite, or a
            camera is unknown while junk is to be removed.

    Source: X. Liu et al., "A Deep Learning-Based Approach to Progressive Vehicle
    Re-identification for Urban Surveillance", ECCV 2016 (the protocol of VeRi-776).

    >>> query = ReidImages(torch.tensor([[1.0, 0.0]]), torch.tensor([7]), torch.tensor([0]))
    >>> gallery = ReidImages(
    ...     torch.tensor([[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [1.0, 0.3]]),  # ever less similar
    ...     torch.tensor([7, 7, 8, 7]),
    ...     torch.tensor([0, 1, 1, 2]),  # the first is junk: camera 0, as the query
    ... )
    >>> result = evaluate_reid(query, gallery)  # found at places 1 and 3
    >>> result.rank1, round(result.mean_average_precision, 4)  # (1/1 + 2/3) / 2
    (1.0, 0.8333)
    """
    if chunk < 1:
        raise ValueError(f"chunk must be >= 1, got {chunk}")
    _check_images("query", query, remove_junk)
    _check_images("gallery", gallery, remove_junk)
    if query.embedding.shape[1] != gallery.embedding.shape[1]:
        shapes = f"{query.embedding.shape[1]} and {gallery.embedding.shape[1]}"
        raise ValueError(f"query and gallery embeddings must have one length, got {shapes}")
    unit_query, unit_gallery = _normalized(query.embedding), _normalized(gallery.embedding)
    hits, precisions, valids = [], [], []
    for start in range(0, len(query.vehicle), chunk):
        part = slice(start, start + chunk)
        similarity = torch.round(unit_query[part] @ unit_gallery.T * _TIE_GRID)
        positive, ignored = _roles(query.vehicle[part], query.camera[part], gallery, remove_junk)
        hit, precision, valid = _rank(similarity, positive, ignored)
        hits.append(hit)
        precisions.append(precision)
        valids.append(valid)
    result = ReidResult(torch.cat(hits), torch.cat(precisions), torch.cat(valids))
    if result.n_valid == 0:
        raise ValueError(_nothing_to_find(len(query.vehicle), len(gallery.vehicle), remove_junk))
    return result


class ReidMetric:
    """Collects embedded images over batches, on the CPU, and evaluates them at the end.

    Metrics of parts of a data set can be collected apart and joined with `merge`.
    """

    def __init__(self) -> None:
        self._images: list[ReidImages] = []
        self._is_query: list[Tensor] = []

    def add(
        self,
        embedding: Float[Tensor, "batch d"],
        vehicle: Int[Tensor, " batch"],
        camera: Int[Tensor, " batch"],
        is_query: Bool[Tensor, " batch"],
    ) -> None:
        """Adds a batch.

        Args:
            embedding: One vector per image.
            vehicle: Identity, `UNKNOWN` where there is none.
            camera: Camera, `UNKNOWN` where there is none.
            is_query: True for a query, False for a gallery image; an image that is both is added
                twice.

        Raises:
            ValueError: The sizes disagree.
        """
        sizes = [len(embedding), len(vehicle), len(camera), len(is_query)]
        if len(set(sizes)) != 1:
            raise ValueError(
                f"embedding, vehicle, camera, is_query must have one length, got {sizes}"
            )
        self._images.append(
            ReidImages(*(part.detach().cpu() for part in (embedding, vehicle, camera)))
        )
        self._is_query.append(is_query.detach().cpu())

    def merge(self, other: "ReidMetric") -> None:
        """Adds all images of another metric after one's own."""
        self._images.extend(other._images)
        self._is_query.extend(other._is_query)

    def compute(self, remove_junk: bool = True, chunk: int = 256) -> ReidResult:
        """Evaluates all images added so far, see `evaluate_reid`; queries in order of adding.

        Raises:
            ValueError: As `evaluate_reid`, or there is no query or no gallery image.
        """
        if not self._images:
            raise ValueError("re-identification needs queries and a gallery, got no image at all")
        images = ReidImages(*(torch.cat(parts) for parts in zip(*self._images, strict=True)))
        is_query = torch.cat(self._is_query)
        query = ReidImages(*(part[is_query] for part in images))
        gallery = ReidImages(*(part[~is_query] for part in images))
        return evaluate_reid(query, gallery, remove_junk, chunk)


def _normalized(embedding: Float[Tensor, "images d"]) -> Float[Tensor, "images d"]:
    """Unit vectors; zero stays zero and is as similar to everything as to nothing."""
    return functional.normalize(embedding.double(), dim=1, eps=1e-300)


def _roles(
    vehicle: Int[Tensor, " queries"],
    camera: Int[Tensor, " queries"],
    gallery: ReidImages,
    remove_junk: bool,
) -> tuple[Bool[Tensor, "queries images"], Bool[Tensor, "queries images"]]:
    """Gallery images to be found (positive), and those neither right nor wrong (ignored)."""
    unknown = (vehicle == UNKNOWN)[:, None] | (gallery.vehicle == UNKNOWN)[None, :]
    same = vehicle[:, None] == gallery.vehicle[None, :]
    junk = (
        same & (camera[:, None] == gallery.camera[None, :])
        if remove_junk
        else torch.zeros_like(same)
    )
    ignored = unknown | junk
    return same & ~ignored, ignored


def _rank(
    similarity: Float[Tensor, "queries images"],
    positive: Bool[Tensor, "queries images"],
    ignored: Bool[Tensor, "queries images"],
) -> tuple[Bool[Tensor, " queries"], Float[Tensor, " queries"], Bool[Tensor, " queries"]]:
    """Rank-1 hit, average precision and validity of each query.

    The k-th best positive stands at place k + (number of negatives at least as similar), and the
    precision there is k / place: one sort of the negatives and one search per positive, no loop
    over the queries.
    """
    n_positive = positive.sum(dim=1)
    most = max(1, int(n_positive.max()))
    best = similarity.masked_fill(~positive, -torch.inf).topk(most, dim=1).values
    negatives = similarity.masked_fill(positive | ignored, -torch.inf).sort(dim=1).values
    # side="left" counts the strictly smaller, every -inf among them: the rest is ahead or ties.
    ahead = negatives.shape[1] - torch.searchsorted(negatives, best, side="left")
    k = torch.arange(1, most + 1, device=similarity.device)
    precision = torch.where(k <= n_positive[:, None], k / (k + ahead).double(), 0.0)
    valid = n_positive > 0
    average = precision.sum(dim=1) / n_positive  # 0 / 0 = NaN for an invalid query
    return valid & (ahead[:, 0] == 0), average, valid


def _check_images(name: str, images: ReidImages, remove_junk: bool) -> None:
    sizes = [len(part) for part in images]
    if len(set(sizes)) != 1:
        raise ValueError(f"{name}: embedding, vehicle, camera must have one length, got {sizes}")
    if sizes[0] == 0:
        raise ValueError(f"re-identification needs at least one {name} image, got none")
    broken = int((~torch.isfinite(images.embedding).all(dim=1)).sum())
    if broken:
        raise ValueError(f"{name}: embeddings must be finite, {broken} of {sizes[0]} are not")
    blind = int(((images.camera == UNKNOWN) & (images.vehicle != UNKNOWN)).sum())
    if remove_junk and blind:
        raise ValueError(
            f"{name}: the camera of {blind} of {sizes[0]} images is unknown, so images of the "
            "query's own camera cannot be left out; give the cameras, or set remove_junk=False"
        )


def _nothing_to_find(n_query: int, n_gallery: int, remove_junk: bool) -> str:
    left = " of another camera" if remove_junk else ""
    return (
        f"none of the {n_query} queries has an image of its vehicle{left} "
        f"among the {n_gallery} gallery images"
    )
