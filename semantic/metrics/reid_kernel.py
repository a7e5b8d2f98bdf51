"""Counts, compiled for the CPU, of the wrong images that rank before each correct one."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def count_ahead(
    similarity: NDArray[np.float64], counted: NDArray[np.bool_], best: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Returns, for each positive, the number of counted images that are at least as similar.

    Most images are less similar than every positive, which one comparison finds; the others are
    looked up among the positives.

    Args:
        similarity: [queries, images] of each query and gallery image.
        counted: [queries, images] whether the image is a negative of the query.
        best: [queries, most] similarities of the positives in descending order, -inf behind them.

    Returns:
        [queries, most]; without meaning where there is no positive.
    """
    queries, most = best.shape
    ahead = np.zeros((queries, most), np.int64)
    for query in range(queries):
        positives = most
        while positives > 0 and best[query, positives - 1] == -np.inf:
            positives -= 1
        if positives == 0:
            continue
        least = best[query, positives - 1]
        for image in range(similarity.shape[1]):
            value = similarity[query, image]
            if value < least or not counted[query, image]:
                continue
            low, high = 0, positives - 1  # the first positive that is not above the image
            while low < high:
                middle = (low + high) // 2
                if best[query, middle] <= value:
                    high = middle
                else:
                    low = middle + 1
            ahead[query, low] += 1
        for place in range(1, positives):
            ahead[query, place] += ahead[query, place - 1]
    return ahead
