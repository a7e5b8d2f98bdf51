"""The MINE lower bound of the mutual information of two random vectors.

    pairs of one image, (x_i, y_i)        -> T -> joint scores    -> mean ---------+
                                                                                   minus -> bound
    pairs of different images, (x_i, y_j) -> T -> marginal scores -> log mean exp -+

The statistics network T scores a pair; in SemHARQ it is the distortion evaluation network. All
quantities are in nats. The exponential of a score is never computed, so that neither the bound nor
its gradient overflows.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def mine_bound(joint: Float[Tensor, " n"], marginal: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """Returns the lower bound I(x; y | T) = E_joint[T] - log E_marginal[exp T], in nats.

    Args:
        joint: Scores T(x, y) of pairs from the joint distribution: both vectors of one image.
        marginal: Scores of pairs from the product of the marginals: vectors of different images.
            Their number may differ from that of the joint scores.

    Raises:
        ValueError: There are no scores.

    Source: SemHARQ eq. 7; M. I. Belghazi et al., "Mutual Information Neural Estimation", 2018.

    >>> mine_bound(torch.tensor([2.0, 4.0]), torch.tensor([0.0, 0.0]))
    tensor(3.)
    >>> mine_bound(torch.tensor([1e38, 3e38]), torch.tensor([0.0, 2e38]))  # exp would overflow
    tensor(0.)
    """
    if len(joint) == 0 or len(marginal) == 0:
        raise ValueError(
            f"the bound needs scores, got {len(joint)} joint and {len(marginal)} marginal ones"
        )
    # Divided before the sum: the sum of a batch of large scores would overflow.
    log_mean_exp = torch.logsumexp(marginal, dim=0) - math.log(len(marginal))
    return (joint / len(joint)).sum() - log_mean_exp
