"""How far a file of a higher quality can be smaller: the margin of the search for the best one.

python benchmarks/quality_dips.py [--data DIR]
"""

import click
import numpy as np
from PIL import Image

from semantic.data.images import decode
from semantic.data.opening import open_dataset
from simulator.catalog import CODECS
from simulator.codecs.image_codecs import LEAST_QUALITY, ImageCodec
from simulator.source_codec import QUALITIES

SIDES = (32, 64, 128, 256)


def dip(codec: ImageCodec, pixels: np.ndarray) -> float:
    """The largest share by which a file exceeds one of a higher quality."""
    qualities = range(LEAST_QUALITY, QUALITIES[-1] + 1)
    sizes = np.array([len(codec.save(pixels, quality)) for quality in qualities], float)
    smallest_behind = np.minimum.accumulate(sizes[::-1])[::-1]
    return float((sizes / smallest_behind - 1).max())


@click.command()
@click.option("--data", default="synthetic", show_default=True)
@click.option("--images", default=25, show_default=True)
@click.option("--codec", "names", multiple=True, default=tuple(CODECS), show_default=True)
def main(data: str, images: int, names: tuple[str, ...]) -> None:
    """Prints the largest dip of each codec at each image size."""
    dataset = open_dataset(data)
    chosen = np.linspace(0, len(dataset) - 1, images).astype(int)
    shown = [Image.fromarray(decode(dataset.read(int(i)), str(i), 256)) for i in chosen]
    for name in names:
        codec = ImageCodec(name)
        for side in SIDES:
            dips = [dip(codec, np.asarray(p.resize((side, side)))) for p in shown]
            print(f"{name} {side}x{side}: {100 * max(dips):.2f} % over {images} images", flush=True)


if __name__ == "__main__":
    main()
