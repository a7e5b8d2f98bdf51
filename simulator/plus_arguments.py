"""Arguments of the learned schemes beside semharq-plus, see `simulator.scheme_arguments`."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.arguments import Arguments, argument
from simulator.scheme_arguments import features_per_use_argument, theta_0_argument


@dataclass(frozen=True)
class PlusHybridArguments(Arguments):
    """Arguments of plus-hybrid."""

    theta_0_db: float = theta_0_argument()
    block_confidence: float = argument(
        0.95, "probability of the best message from which on a block is decoded", least=0, most=1
    )
    blocks: int = argument(
        3, "most blocks of coded bits; 0 for analog values alone", least=0, most=3
    )
    bursts_per_block: int = argument(
        2, "bursts in which a block is sent on average, each with an answer", least=1, most=64
    )


@dataclass(frozen=True)
class FeatureJsccFArguments(Arguments):
    """Arguments of the learned scheme with channel-output feedback."""

    theta_0_db: float = theta_0_argument()
    features_per_use: int = features_per_use_argument()
