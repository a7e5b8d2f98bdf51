"""Training of digital-vq: principal axes, codebooks by k-means, and a linear estimator of s."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from semantic.conventions import UNKNOWN
from semantic.reid import ReidImages, evaluate_reid
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from semantic.training.labels import Labels
from semantic.vq.network import VqNetwork, described
from semantic.vq.residual import Beam

#: Iterations of k-means in each stage.
ITERATIONS = 12
#: Rows of s in one step, which bounds the memory.
ROWS = 1024
#: Images on which the tasks are judged after each stage.
JUDGED = 3000
#: Ridge of the linear estimator, as a share of the mean variance of the reconstruction.
RIDGE = 1e-4


@torch.inference_mode()
def train_vq(
    network: VqNetwork,
    s: Tensor,
    labels: Labels,
    seed: int,
    report: Callable[[int, dict[str, float]], None],
) -> None:
    """Fills the buffers of a network from the encoder's outputs of the training images.

    Args:
        network: New network, changed in place.
        s: Encoder outputs, [images, N].
        labels: Labels of the same images.
        seed: Seed of the first centers of k-means, and of the images that are judged.
        report: Called after each stage with the share of the variance that is left.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = in_tiles(lambda part: described(network.performers(part)), s, tile=ROWS)
    network.center.copy_(rows.mean(0))
    axes = torch.linalg.eigh(torch.cov(rows.double().T)).eigenvectors.flip(1)
    network.projection.copy_(axes[:, : network.dimensions])
    x = (rows - network.center) @ network.projection
    beam, first = Beam.start(x), 0
    for number, bits in enumerate(network.stage_bits):
        words = k_means(beam.residual[:, 0], 2**bits, generator)
        network.codewords[first : first + 2**bits] = words
        first += 2**bits
        refine = partial(refined, words)
        beam = Beam(*in_tiles(refine, beam.residual, beam.index, tile=ROWS))
        share = beam.residual[:, 0].square().sum() / x.square().sum()
        report(number, {"distortion": float(share)})
    index = beam.index[:, 0]
    counts = [
        torch.bincount(column, minlength=2**bits)
        for column, bits in zip(index.unbind(1), network.stage_bits, strict=True)
    ]
    network.log_prior.copy_(((torch.cat(counts) + 1.0) / len(s)).log())
    _fit_restoration(network, s, network.quantizer.reconstruct(index))
    judged = torch.randperm(len(s), generator=generator)[:JUDGED].to(s.device)
    target = Labels(*(column[judged] for column in labels.columns))
    clean = accuracies(network.performers(s[judged]), target).clamp_min(1e-9)
    for count in range(len(network.stage_bits) + 1):
        x_hat = network.quantizer.reconstruct(index[judged, :count])
        relative = accuracies(network.decode(x_hat)[1], target) / clean
        network.accuracy[count] = relative.mean()
    # Of few images: a stage that takes accuracy away by chance counts as adding nothing.
    network.accuracy.copy_(network.accuracy.cummax(0).values)


def refined(words: Tensor, residual: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Returns residual and index of a beam after one more stage."""
    beam = Beam(residual, index).refine(words)
    return beam.residual, beam.index


def accuracies(outputs: TaskOutputs, labels: Labels) -> Tensor:
    """Returns mAP, color accuracy and type accuracy, [3] in [0, 1]; every second image is a query.

    Args:
        outputs: Outputs of the tasks, [images].
        labels: Labels of the images.
    """
    images = ReidImages(outputs.embedding, labels.vehicle, labels.vehicle)
    query, gallery = (ReidImages(*(column[i::2] for column in images)) for i in (0, 1))
    found = evaluate_reid(query, gallery, remove_junk=False).mean_average_precision
    right = [
        float((logits.argmax(1) == label)[label != UNKNOWN].double().mean().nan_to_num())
        for logits, label in ((outputs.color, labels.color), (outputs.type, labels.type))
    ]
    return torch.tensor([found, *right])


def _fit_restoration(network: VqNetwork, s: Tensor, x_hat: Tensor) -> None:
    """Fits s by a linear function of x_hat, whose mean over the training set is near 0."""
    network.s_mean.copy_(s.mean(0))
    gram = x_hat.T.double() @ x_hat.double() / len(s)
    ridge = RIDGE * gram.diag().mean() * torch.eye(len(gram)).to(gram)
    cross = x_hat.T.double() @ (s - network.s_mean).double() / len(s)
    network.restoration.copy_(torch.linalg.solve(gram + ridge, cross))


def k_means(x: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Returns the centers of k-means, [count, dimensions]; a center without rows is drawn again.

    Args:
        x: [rows, dimensions].
        count: Number of centers.
        generator: Draws rows as centers.

    >>> x = torch.tensor([[0.0], [0.2], [5.0], [5.2]])
    >>> k_means(x, 2, torch.Generator().manual_seed(0)).sort(0).values
    tensor([[0.1000],
            [5.1000]])
    """

    def drawn(rows: int) -> Tensor:
        return x[torch.randint(len(x), (rows,), generator=generator).to(x.device)]

    first = torch.randperm(len(x), generator=generator)[:count].to(x.device)
    centers = torch.cat([x[first], drawn(count - len(first))])
    for _ in range(ITERATIONS):
        index = torch.cat([torch.cdist(part, centers).argmin(1) for part in x.split(ROWS)])
        rows = torch.bincount(index, minlength=count)[:, None]
        sums = torch.zeros_like(centers).index_add_(0, index, x)
        centers = torch.where(rows > 0, sums / rows.clamp_min(1), drawn(count))
    return centers
