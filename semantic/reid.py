"""Vehicle re-identification metrics: rank-1 and average precision of every query.

    cosine similarity -> drop junk -> rank the gallery -> rank-1 hit
                                                       -> precision at every correct place

Both metrics need the whole gallery: a mean over batches with a part of it is another number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from semantic.conventions import UNKNOWN
from semantic.metrics.finite import all_finite
from semantic.metrics.reid_kernel import count_ahead

# Similarities are computed in double precision and rounded to this grid. Equally similar images
# then tie on every machine and for every chunk size; rounding errors do not rank them.
_TIE_GRID = 1e9


class ReidImages(NamedTuple):
    """Embedded images with their labels.

    Attributes:
        embedding: One vector per image, of any norm.
        vehicle: Identity, or `UNKNOWN`.
        camera: Camera, or `UNKNOWN`.
    """

    embedding: Float[Tensor, "images d"]
    vehicle: Int[Tensor, " images"]
    camera: Int[Tensor, " images"]


@dataclass(frozen=True)
class ReidResult:
    """Results of the queries, in their order.

    Attributes:
        rank1_hit: True if the most similar gallery image shows the query's vehicle; False if the
            query is invalid.
        average_precision: Average precision in [0, 1]; NaN if the query is invalid.
        valid: True if the gallery holds at least one correct image.
    """

    rank1_hit: Bool[Tensor, " queries"]
    average_precision: Float[Tensor, " queries"]
    valid: Bool[Tensor, " queries"]

    @property
    def n_valid(self) -> int:
        """Number of valid queries, over which the two means are taken."""
        return int(self.valid.sum())

    @property
    def rank1(self) -> float:
        """Share of rank-1 hits among the valid queries, in [0, 1].

        >>> hit = torch.tensor([True, False, False])
        >>> ReidResult(hit, torch.ones(3), torch.tensor([True, True, False])).rank1
        0.5
        """
        return float(self.rank1_hit[self.valid].double().mean())

    @property
    def mean_average_precision(self) -> float:
        """Mean average precision (mAP) of the valid queries, in [0, 1].

        >>> valid = torch.tensor([True, True, False])
        >>> average = torch.tensor([1.0, 0.5, torch.nan])
        >>> ReidResult(valid, average, valid).mean_average_precision
        0.75
        """
        return float(self.average_precision[self.valid].mean())


def evaluate_reid(
    query: ReidImages, gallery: ReidImages, remove_junk: bool = True, chunk: int = 256
) -> ReidResult:
    """Ranks the gallery for every query by cosine similarity.

    Average precision is the mean, over the correct images, of the precision at their place; there
    is no interpolation and no re-ranking. At equal similarity (within 1e-9), wrong images rank
    before correct ones, so that a network with constant output gets the lowest score. Gallery
    images of an unknown vehicle are left out. A query of an unknown vehicle is invalid.

    Args:
        query: Images to look up.
        gallery: Images to search.
        remove_junk: Whether to leave out gallery images of the query's vehicle by the query's
            camera: near copies that need no recognition.
        chunk: Number of queries ranked at a time. It bounds the memory (about 50 bytes x chunk x
            gallery) and changes no result.

    Returns:
        One entry per query.

    Raises:
        ValueError: No query is valid, sizes disagree, an embedding is not finite, or a camera is
            unknown while junk is to be removed.

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


def _normalized(embedding: Float[Tensor, "images d"]) -> Float[Tensor, "images d"]:
    """Returns unit vectors; zero stays zero, of similarity 0 to every image."""
    return functional.normalize(embedding.double(), dim=1, eps=1e-300)


def _roles(
    vehicle: Int[Tensor, " queries"],
    camera: Int[Tensor, " queries"],
    gallery: ReidImages,
    remove_junk: bool,
) -> tuple[Bool[Tensor, "queries images"], Bool[Tensor, "queries images"]]:
    """Returns the correct gallery images (positive) and those that do not count (ignored)."""
    unknown, stranger = vehicle == UNKNOWN, gallery.vehicle == UNKNOWN
    same = vehicle[:, None] == gallery.vehicle[None, :]
    ignored = torch.zeros_like(same)
    if remove_junk:
        torch.eq(camera[:, None], gallery.camera[None, :], out=ignored).logical_and_(same)
    # In place, and the unknown ones by rows and columns: these arrays are the largest of all.
    ignored[unknown] = True
    ignored[:, stranger] = True
    return same.logical_and_(~ignored), ignored


def _rank(
    similarity: Float[Tensor, "queries images"],
    positive: Bool[Tensor, "queries images"],
    ignored: Bool[Tensor, "queries images"],
) -> tuple[Bool[Tensor, " queries"], Float[Tensor, " queries"], Bool[Tensor, " queries"]]:
    """Returns rank-1 hit, average precision and validity of each query.

    The k-th best positive has the place k + (number of negatives at least as similar), and the
    precision there is k / place. The few positives are sorted, and a negative is looked up among
    them: this is faster than sorting the whole gallery.
    """
    n_positive = positive.sum(dim=1)
    most = max(1, int(n_positive.max()))
    best = similarity.masked_fill(~positive, -torch.inf).topk(most, dim=1).values
    negative = ~(positive | ignored)
    ahead = torch.from_numpy(count_ahead(*(v.cpu().numpy() for v in (similarity, negative, best))))
    ahead = ahead.to(similarity.device)
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
    if not all_finite(images.embedding):
        broken = int((~torch.isfinite(images.embedding).all(dim=1)).sum())
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
