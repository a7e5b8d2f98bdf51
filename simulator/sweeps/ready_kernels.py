"""Loads the compiled kernels of nearly every run; the fork server imports it before it forks.

The first call of a kernel sets up the compiler and its type rules, which takes a second and 50 MB.
Workers that are forked afterwards have them. None of these kernels starts threads.
"""

from __future__ import annotations

import numpy as np

from phy.kernels import philox
from semantic.link.selector_kernel import first_places
from semantic.metrics.reid_kernel import count_ahead

_NONE = np.zeros((1, 1), np.bool_)
philox.normal(0, np.zeros(1, np.int64), 1)
first_places(np.zeros((1, 1), np.int64), _NONE, _NONE, 1)
count_ahead(np.zeros((1, 1)), _NONE, np.zeros((1, 1)))
