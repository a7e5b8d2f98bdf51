"""Re-identification at VeRi-776's size, beside a compiled evaluation in fast-reid's style."""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from benchmarks.bench.entry import Case, entry
from benchmarks.reid_cost import SPLITS, images
from semantic.reid import evaluate_reid


@entry("reid")
def reid(small: bool) -> Case:
    """1 678 queries and 11 579 gallery images."""
    generator = torch.Generator().manual_seed(0)
    queries, gallery = (30, 300) if small else SPLITS["VeRi-776"]
    query, stored = images(queries, generator), images(gallery, generator)

    def reference() -> tuple[float, float]:
        a, b = (torch.nn.functional.normalize(x.embedding.double()) for x in (query, stored))
        similarity = (a @ b.T).numpy()
        order = np.argsort(-similarity, axis=1)
        labels = (query.vehicle, stored.vehicle, query.camera, stored.camera)
        found: tuple[float, float] = evaluate_ranked(order, *(v.numpy() for v in labels))
        return found

    return Case(
        work=lambda: evaluate_reid(query, stored),
        reference=reference,
        measures=f"rank-1 and mAP of {queries} x {gallery}, ties included",
        against="argsort and a compiled loop, in fast-reid's style, ties as they fall",
        amount=1,
        unit="evaluation",
        operations=2.0 * queries * gallery * 1024 * 2,  # fp64 has half the rate of fp32
        rounds=2,
    )


@njit(cache=True)
def evaluate_ranked(
    order: NDArray[np.int64],
    vehicle: NDArray[np.int64],
    gallery_vehicle: NDArray[np.int64],
    camera: NDArray[np.int64],
    gallery_camera: NDArray[np.int64],
) -> tuple[float, float]:
    """Returns (rank-1, mAP) of ranked galleries [queries, images], as fast-reid's rank_cylib does."""
    valid, hits, total = 0, 0, 0.0
    for query in range(order.shape[0]):
        place, found, precision = 0, 0, 0.0
        for image in order[query]:
            same = gallery_vehicle[image] == vehicle[query]
            if same and gallery_camera[image] == camera[query]:
                continue
            place += 1
            if same:
                found += 1
                precision += found / place
                hits += place == 1
        if found:
            valid += 1
            total += precision / found
    return hits / valid, total / valid
