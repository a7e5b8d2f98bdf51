"""How many numbers a data set needs: accuracy over noise-free features, and over positions alone.

    python benchmarks/intrinsic_dimension.py [--data DIR] [--weights DIR] [--out docs/results]

- `features`: the first B features of IK-S-HARQ's order in one slot of an AWGN channel at 40 dB.
- `components`: the first K principal components of s over the gallery, and the mean of s for the
  rest: no link at all. The best coder of K numbers keeps at least as much.
- `positions`: each image is described by *where* its B largest features lie, and by none of their
  values: a vector of zeros and ones. Features are ordered for each image by |f|, by the gradient
  |grad| of the tasks (eq. 13), or by |f grad|. The number of bits that name the positions is
  log2 of the binomial coefficient (1024 over B).

A small intrinsic dimension means that few numbers decide: schemes that differ in *which* features
they send then differ little.
"""

from __future__ import annotations

from math import comb, log2
from pathlib import Path

import click
import pandas as pd
import torch
from torch import Tensor

from semantic.conventions import CODED_FEATURES
from semantic.data.dataset import VehicleImages
from semantic.reid import ReidImages, evaluate_reid
from simulator.encoded_dataset import EncodedDataset
from simulator.files import write_whole
from simulator.schemes.image_importance import image_importance
from simulator.setup.prepare import Prepared, prepare
from simulator.slots import Slot
from simulator.spec import RunSpec
from simulator.sweeps.sweep import run_spec

FEATURES = (4, 8, 15, 31, 62, 125, 250)
COMPONENTS = (4, 8, 15, 31, 62)
POSITIONS = (15, 31)
SNR_DB = 40.0
METRICS = ("rank1", "mAP", "color_accuracy", "type_accuracy")


def noise_free_features(data: str, weights: str | None) -> pd.DataFrame:
    """Returns the accuracies over the number of features that a slot without noise carries."""
    tables = []
    for features in FEATURES:
        spec = RunSpec(
            schemes=("ik-s-harq",),
            snr_db=(SNR_DB,),
            data=data,
            weights=weights,
            channel="awgn",
            slot_s=slot_s(features, 3e6),
            bandwidth_hz=3e6,
            max_transmissions=1,
        )
        curve = run_spec(spec).curve.set_index("metric")["value"]
        tables.append({"what": "features", "number": features, **curve[list(METRICS)]})
    return pd.DataFrame(tables)


def slot_s(features: int, bandwidth_hz: float) -> float:
    """Returns the length in seconds of a slot that carries a number of features at 40 dB."""
    in_a_second = Slot(SNR_DB, 1e-3, bandwidth_hz).bits_per_use * bandwidth_hz / 64
    return (features + 0.5) / in_a_second


def encoded_images(prepared: Prepared) -> tuple[VehicleImages, Tensor]:
    """Returns the images of a run that could be read, and their s [images, 1024]."""
    encoder = prepared.networks.encoder
    encoded = EncodedDataset(prepared.dataset, encoder, "cpu", lambda *progress: None)
    return encoded.dataset.subset(encoded.features.kept), encoded.features.s


def principal_components(prepared: Prepared) -> pd.DataFrame:
    """Returns rank-1 and mAP from the first principal components of s over the gallery."""
    images, s = encoded_images(prepared)
    gallery = s[torch.from_numpy(~images.is_query)]
    mean = gallery.mean(0)
    axes = torch.linalg.eigh((gallery - mean).T @ (gallery - mean))[1].flip(1)
    rows = []
    for number in COMPONENTS:
        kept = axes[:, :number]
        with torch.inference_mode():
            outputs = prepared.networks.encoder.network.performers(
                (s - mean) @ kept @ kept.T + mean
            )
        found = reidentification(images, outputs.embedding)
        rows.append({"what": "components", "number": number, **found})
    return pd.DataFrame(rows)


def positions_alone(prepared: Prepared) -> pd.DataFrame:
    """Returns rank-1 and mAP of a gallery that is searched by the positions of features alone."""
    images, s = encoded_images(prepared)
    link = prepared.networks.link("smsc-complete")
    with torch.inference_mode():
        f = link.encode(s)
    grad = image_importance(link, f, weight=10.0 ** (SNR_DB / 10))
    scores = {"|f|": f.abs(), "|grad|": grad, "|f grad|": (f * grad).abs()}
    rows = []
    for order, score in scores.items():
        for number in POSITIONS:
            largest = torch.zeros_like(f).scatter(1, score.topk(number, dim=1).indices, 1.0)
            bits = log2(comb(CODED_FEATURES, number))
            row = {"what": f"positions by {order}", "number": number, "bits": round(bits)}
            rows.append({**row, **reidentification(images, largest)})
    return pd.DataFrame(rows)


def reidentification(images: VehicleImages, embedding: Tensor) -> dict[str, float]:
    """Returns rank-1 and mAP in percent of a set whose images are described by vectors."""
    vehicle, camera = torch.from_numpy(images.vehicle), torch.from_numpy(images.camera)
    query = torch.from_numpy(images.is_query)
    both = (ReidImages(embedding[of], vehicle[of], camera[of]) for of in (query, ~query))
    found = evaluate_reid(*both)
    return {"rank1": 100 * found.rank1, "mAP": 100 * found.mean_average_precision}


@click.command()
@click.option("--data", default="synthetic", help="Data set with queries [the package's].")
@click.option("--weights", default=None, help="Weights directory [the package's].")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/results"))
def main(data: str, weights: str | None, out: Path) -> None:
    """Prints the table and writes intrinsic_dimension.csv."""
    prepared = prepare(RunSpec(data=data, weights=weights, device="cpu"))
    features = noise_free_features(data, weights)
    parts = (features, principal_components(prepared), positions_alone(prepared))
    table = pd.concat(parts).round(1)
    click.echo(table.to_string(index=False))
    write_whole(out / "intrinsic_dimension.csv", lambda path: table.to_csv(path, index=False))


if __name__ == "__main__":
    main()
