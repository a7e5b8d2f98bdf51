"""The choice of a slot's features, compiled for the CPU."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def first_places(
    order: NDArray[np.int64], covered: NDArray[np.bool_], again: NDArray[np.bool_], B: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:  # pragma: no cover - compiled
    """Returns the features of the next slot, see `semantic.link.selector.select`.

    Args:
        order: [images or 1, L] positions in descending importance.
        covered: [images, L], features sent before.
        again: [images, L], features of the request.
        B: Features of the slot, at most L.

    Returns:
        Positions [images, B], and whether they are sent: requested ones, new ones, and then, where
        the slot has room left, features that are not sent.
    """
    images, L = covered.shape
    position = np.empty((images, B), np.int64)
    sent = np.zeros((images, B), np.bool_)
    for image in range(images):
        row, count = order[image % len(order)], 0
        for group in range(3):
            for i in range(L):
                if count == B:
                    break
                feature = row[i]
                requested = again[image, feature]
                known = covered[image, feature]
                if group == (0 if requested else 2 if known else 1):
                    position[image, count] = feature
                    sent[image, count] = group < 2
                    count += 1
    return position, sent
