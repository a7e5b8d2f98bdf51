"""Builds a run's schemes; the learned ones here, those that send coded bits in `build_coded`."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from semantic.data.names import nearest
from semantic.losses import TASKS
from semantic.protocol import PROTOCOLS, SINGLE_TASK_PROTOCOL
from simulator.catalog import SCHEMES, resolve
from simulator.scheme import Scheme
from simulator.schemes.perfect import Perfect
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.schemes.single_task import SingleTask, SingleTaskNetwork
from simulator.stack import Stack


def build_schemes(stack: Stack) -> dict[str, Scheme]:
    """The schemes of the run, each with those of the run's arguments that it takes.

    Raises:
        ValueError: When no scheme takes an argument; names the nearest that one does.
    """
    factories = {name: resolve("scheme", name, SCHEMES) for name in stack.spec.schemes}
    taken = {
        name: [p for p in inspect.signature(factory).parameters if p != "stack"]
        for name, factory in factories.items()
    }
    for argument, _ in stack.spec.scheme_args:
        if not any(argument in names for names in taken.values()):
            allowed = sorted({name for names in taken.values() for name in names})
            hint = nearest(argument, allowed) if allowed else "they take none"
            raise ValueError(
                f"schemes {', '.join(factories)} take no argument {argument!r}; {hint}"
            )
    given = dict(stack.spec.scheme_args)
    return {
        name: factory(stack.apart(name), **{n: given[n] for n in taken[name] if n in given})
        for name, factory in factories.items()
    }


def perfect(stack: Stack) -> Scheme:
    """No channel."""
    return Perfect(stack.encoder.network)


def _harq(name: str) -> Callable[..., Scheme]:
    """The factory of a learned scheme with feedback; without FIR it has no say in importance."""
    protocol = PROTOCOLS[name]

    def ranked(
        stack: Stack,
        theta_0_db: float = 1.0,
        features_per_use: int = 1,
        ratio: float = 0.5,
        equaliser: str = "mrc",
        importance: str = "mean",
    ) -> Scheme:
        return SemanticHarq(
            stack.encoder.network,
            stack.link(name),
            protocol,
            *(theta_0_db, features_per_use, ratio, equaliser, importance),
        )

    def unranked(
        stack: Stack,
        theta_0_db: float = 1.0,
        features_per_use: int = 1,
        ratio: float = 0.5,
        equaliser: str = "mrc",
    ) -> Scheme:
        return ranked(stack, theta_0_db, features_per_use, ratio, equaliser)

    return ranked if protocol.order == "importance" else unranked


def _one_shot(name: str) -> Callable[..., Scheme]:
    """The same for one without feedback."""
    protocol = PROTOCOLS[name]

    def ranked(
        stack: Stack, features_per_use: int = 1, equaliser: str = "mrc", importance: str = "mean"
    ) -> Scheme:
        return SemanticHarq(
            stack.encoder.network,
            stack.link(name),
            protocol,
            features_per_use=features_per_use,
            equaliser=equaliser,
            importance=importance,
        )

    def unranked(stack: Stack, features_per_use: int = 1, equaliser: str = "mrc") -> Scheme:
        return ranked(stack, features_per_use, equaliser)

    return ranked if protocol.order == "importance" else unranked


semharq = _harq("semharq")
semharq_no_fde = _harq("semharq-no-fde")
semharq_sst = _harq("semharq-sst")
semharq_csi = _harq("semharq-csi")
semharq_oracle = _harq("semharq-oracle")
ik_s_harq = _harq("ik-s-harq")
rt_s_harq = _harq("rt-s-harq")


def smsc_stc(
    stack: Stack, share: str = "third", features_per_use: int = 1, equaliser: str = "mrc"
) -> Scheme:
    """SMSC-FIR with three single-task networks."""
    protocol, networks = PROTOCOLS[SINGLE_TASK_PROTOCOL], {}
    for task in TASKS:
        encoder, link = stack.single_task(task)
        own = SemanticHarq(
            encoder.network,
            link,
            protocol,
            features_per_use=features_per_use,
            equaliser=equaliser,
        )
        networks[task] = SingleTaskNetwork(encoder, own)
    return SingleTask(networks, share)


smsc_fir = _one_shot("smsc-fir")
smsc_sequential = _one_shot("smsc-sequential")
smsc_random = _one_shot("smsc-random")
smsc_complete = _one_shot("smsc-complete")
