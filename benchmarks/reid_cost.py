"""CPU seconds of one evaluation of re-identification over the numbers of queries and gallery images.

python benchmarks/reid_cost.py
"""

from __future__ import annotations

import time

import torch

from semantic.reid import ReidImages, evaluate_reid

#: The embedded test split, and VeRi-776's.
SPLITS = {"embedded": (500, 2400), "VeRi-776": (1678, 11579)}


def images(count: int, generator: torch.Generator) -> ReidImages:
    """Random embeddings of 200 vehicles under 20 cameras."""
    vehicle, camera = (torch.randint(n, (count,), generator=generator) for n in (200, 20))
    return ReidImages(torch.randn(count, 1024, generator=generator), vehicle, camera)


def main() -> None:
    """Evaluates each split once, on one thread."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    for name, sizes in SPLITS.items():
        query, gallery = (images(count, generator) for count in sizes)
        began = time.process_time()
        evaluate_reid(query, gallery, remove_junk=True)
        print(f"{name}: {sizes[0]} x {sizes[1]}, {time.process_time() - began:.2f} s")


if __name__ == "__main__":
    main()
