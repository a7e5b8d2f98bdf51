"""Streams for the tests of streams, and what can be drawn from them."""

from collections.abc import Callable, Iterable

import numpy as np
import torch

from phy.streams import Streams, training_streams

Verb = Callable[[Streams, int], torch.Tensor]


VERBS: dict[str, Verb] = {
    "normal": Streams.normal,
    "uniform": Streams.uniform,
    "complex_normal": Streams.complex_normal,
    "each": lambda s, n: s.each(lambda g: g.standard_normal(n, dtype=np.float32)),
}


#: Probability that one statistical test fails although all is well.
SIGNIFICANCE = 1e-4


def streams(images: Iterable[int] = range(6), **other: object) -> Streams:
    fields = {"seed": 0, "point": "rician snr_db=0.0", **other}
    return Streams(images=np.array(list(images), dtype=np.int64), **fields)  # type: ignore[arg-type]


def trained(batch: int, seed: int = 0) -> Streams:
    return training_streams(torch.Generator().manual_seed(seed), batch)
