"""How much two random vectors tell of each other: the MINE lower bound, and how to train on it.

    pairs of one image, (x_i, y_i)        -> T -> joint scores    -> mean ---------+
                                                                                   minus -> bound
    pairs of different images, (x_i, y_j) -> T -> marginal scores -> log mean exp -+

T is any network that scores a pair; in SemHARQ it is the distortion evaluation network.
Everything is in nats and stays in the log domain: exp of a score never appears, so that no score
however large makes the bound or its gradient overflow.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

DEFAULT_DECAY = 0.99


class MineEstimate(NamedTuple):
    """A measured lower bound of the mutual information.

    Attributes:
        nats: The bound; it lies below the truth as far as the trained network falls short of the
            best one, and above or below by chance.
        standard_error: Of chance alone, in nats, from the spread of the scores.
    """

    nats: float
    standard_error: float


def mine_bound(joint: Float[Tensor, " n"], marginal: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """Lower bound I(x; y | T) = E_joint[T] - log E_marginal[exp T], in nats.

    Args:
        joint: Scores T(x, y) of pairs that belong together.
        marginal: Scores of pairs that do not; their number may differ.

    Returns:
        The scalar bound. Its gradient over a small batch is biased, see `mine_objective`.

    Raises:
        ValueError: There are no scores.

    Source: SemHARQ eq. 7; M. I. Belghazi et al., "Mutual Information Neural Estimation", 2018.

    >>> mine_bound(torch.tensor([2.0, 4.0]), torch.tensor([0.0, 0.0]))
    tensor(3.)
    >>> mine_bound(torch.tensor([1e38, 3e38]), torch.tensor([0.0, 2e38]))  # exp would overflow
    tensor(0.)
    """
    _check_scores(joint, marginal)
    # Divided before the sum: the sum of a batch of large scores would overflow first.
    return (joint / len(joint)).sum() - _log_mean_exp(marginal)


def mine_objective(
    joint: Float[Tensor, " n"],
    marginal: Float[Tensor, " m"],
    log_mean: Float[Tensor, ""] | None = None,
    decay: float = DEFAULT_DECAY,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The bound with a bias-corrected gradient, to be maximized.

    The gradient of log E[exp T] is E[exp(T) grad T] / E[exp T]. A batch's own mean in the
    denominator biases it, so an exponential moving average over batches takes its place. The
    average holds the present batch, too: the weights of a batch therefore sum to at most
    1 / (1 - decay), and the gradient stays finite when scores jump.

    Args:
        joint: Scores of pairs that belong together.
        marginal: Scores of pairs that do not.
        log_mean: Log of the moving average of E[exp T], as the last call gave it; None at first.
        decay: Weight in [0, 1) of the past; 0 gives the gradient of `mine_bound`.

    Returns:
        The scalar bound (the value of `mine_bound`), and the new `log_mean`.

    Raises:
        ValueError: There are no scores, or the decay is out of range.

    Source: Belghazi et al. 2018, section 3.2, eq. 12.

    >>> marginal = torch.tensor([0.0, 0.0], requires_grad=True)
    >>> bound, log_mean = mine_objective(torch.tensor([2.0, 4.0]), marginal)
    >>> bound.item(), log_mean.item()
    (3.0, 0.0)
    """
    _check_scores(joint, marginal)
    if not 0 <= decay < 1:
        raise ValueError(f"decay must lie in [0, 1), got {decay}")
    now = _log_mean_exp(marginal.detach())
    if log_mean is None or decay == 0:
        log_mean = now
    else:
        log_mean = torch.logaddexp(log_mean + math.log(decay), now + math.log1p(-decay))
    weight = torch.exp(marginal.detach() - log_mean) / len(marginal)
    # (marginal - its value) is 0 with the gradient of marginal: value and gradient are set apart.
    correction = (weight * (marginal - marginal.detach())).sum()
    return (joint / len(joint)).sum() - now - correction, log_mean


def mismatched(
    batch: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu"
) -> Int[Tensor, " batch"]:
    """A random partner for each image of a batch, never itself: samples of the marginals.

    Args:
        batch: Number of images, at least 2.
        generator: Source of randomness on the CPU; torch's own if None.
        device: Where the indices go.

    Returns:
        Index of the partner of each image; each image is the partner of exactly one.

    Raises:
        ValueError: The batch is smaller than 2.

    >>> mismatched(2)
    tensor([1, 0])
    """
    if batch < 2:
        raise ValueError(f"different images need a batch of at least 2, got {batch}")
    circle = torch.randperm(batch, generator=generator)
    partner = torch.empty_like(circle)
    partner[circle] = circle.roll(1)
    return partner.to(device)


class PairScore(nn.Module):
    """A plain statistics network T: two vectors -> one score, by two hidden layers."""

    def __init__(self, x_size: int, y_size: int, hidden: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(x_size + y_size, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def forward(
        self, x: Float[Tensor, "batch x_size"], y: Float[Tensor, "batch y_size"]
    ) -> Float[Tensor, " batch"]:
        """Score of each pair."""
        scores: Tensor = self.layers(torch.cat([x, y], dim=1))
        return scores.squeeze(1)


class MineEstimator:
    """Trains a statistics network on batches of pairs and measures the mutual information.

    Attributes:
        log_mean: The moving average's log, None before the first step; save it to resume.
    """

    def __init__(
        self,
        score: Callable[[Tensor, Tensor], Tensor],
        optimizer: torch.optim.Optimizer,
        generator: torch.Generator | None = None,
        decay: float = DEFAULT_DECAY,
    ) -> None:
        """Prepares the training.

        Args:
            score: T, from x [batch, ...] and y [batch, ...] to scores [batch].
            optimizer: Over the parameters of T.
            generator: Source of the mismatched pairs, on the CPU.
            decay: Of the bias correction, see `mine_objective`.
        """
        self.score, self.optimizer = score, optimizer
        self.generator, self.decay = generator, decay
        self.log_mean: Tensor | None = None

    def step(self, x: Float[Tensor, "batch ..."], y: Float[Tensor, "batch ..."]) -> float:
        """One step of gradient ascent on a batch of pairs that belong together.

        Returns:
            The bound on this batch before the step, in nats.

        Raises:
            ValueError: The batch is smaller than 2.
        """
        bound, self.log_mean = mine_objective(*self._scores(x, y), self.log_mean, self.decay)
        self.optimizer.zero_grad()
        (-bound).backward()
        self.optimizer.step()
        return bound.item()

    @torch.no_grad()
    def estimate(
        self, x: Float[Tensor, "batch ..."], y: Float[Tensor, "batch ..."]
    ) -> MineEstimate:
        """Measures the bound on samples that were not trained on (else it is too high).

        Raises:
            ValueError: The batch is smaller than 2.
        """
        joint, marginal = self._scores(x, y)
        # Delta method: the relative spread of exp T is the spread of its logarithm's mean.
        relative = torch.exp(marginal - _log_mean_exp(marginal))
        variance = joint.var() / len(joint) + relative.var() / len(relative)
        return MineEstimate(mine_bound(joint, marginal).item(), variance.sqrt().item())

    def _scores(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        partner = mismatched(len(y), self.generator, y.device)
        return self.score(x, y), self.score(x, y[partner])


def _log_mean_exp(scores: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    return torch.logsumexp(scores, dim=0) - math.log(len(scores))


def _check_scores(joint: Tensor, marginal: Tensor) -> None:
    if len(joint) == 0 or len(marginal) == 0:
        raise ValueError(
            f"the bound needs scores, got {len(joint)} joint and {len(marginal)} marginal ones"
        )
