"""Builds a run's schemes; the learned ones here, those that send coded bits in `build_coded`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import Any

from semantic.link.protocol import PROTOCOLS, SINGLE_TASK_PROTOCOL
from semantic.losses import TASKS
from semantic.suggest import nearest
from simulator.catalog import SCHEMES, resolve
from simulator.declared import check_declared, named_errors
from simulator.scheme import Scheme
from simulator.schemes.perfect import Perfect
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.schemes.semharq_plus import SemharqPlus
from simulator.schemes.single_task import SingleTask, SingleTaskNetwork
from simulator.setup.networks import Networks


def build_schemes(networks: Networks) -> dict[str, Scheme]:
    """The schemes of the run, each with those of the run's arguments that it takes.

    Raises:
        ValueError: When no scheme takes an argument; names the nearest that one does.
    """
    factories = {name: resolve("scheme", name, SCHEMES) for name in networks.spec.schemes}
    for name, factory in factories.items():
        if name not in SCHEMES:
            check_declared("scheme", name, factory)
    taken = {
        name: [p for p in inspect.signature(factory).parameters if p != "networks"]
        for name, factory in factories.items()
    }
    for argument, _ in networks.spec.scheme_args:
        if not any(argument in names for names in taken.values()):
            allowed = sorted({name for names in taken.values() for name in names})
            hint = nearest(argument, allowed) if allowed else "they take none"
            raise ValueError(
                f"schemes {', '.join(factories)} take no argument {argument!r}; {hint}"
            )
    given = dict(networks.spec.scheme_args)
    found = {}
    for name, factory in factories.items():
        with named_errors("scheme", name):
            own = {n: given[n] for n in taken[name] if n in given}
            found[name] = factory(networks.apart(name), **own)
    return found


def perfect(networks: Networks) -> Scheme:
    """No channel."""
    return Perfect(networks.encoder.network)


def _learned(name: str, *arguments: str) -> Callable[..., Scheme]:
    """The factory of a learned scheme, which takes some of `SemanticHarq`'s arguments.

    Those whose order is that of importance take `importance` too.
    """
    protocol = PROTOCOLS[name]
    if protocol.order == "importance":
        arguments += ("importance",)

    def build(networks: Networks, **given: Any) -> Scheme:
        return SemanticHarq(networks.encoder.network, networks.link(name), protocol, **given)

    # Names and defaults stand in one place: what a factory takes is read off its signature.
    known = inspect.signature(SemanticHarq).parameters
    own = [known[argument].replace(kind=Parameter.KEYWORD_ONLY) for argument in arguments]
    networks = Parameter("networks", Parameter.POSITIONAL_OR_KEYWORD)
    build.__signature__ = inspect.Signature([networks, *own])  # type: ignore[attr-defined]
    return build


_ONE = ("features_per_use", "equalizer")
_HARQ = ("theta_0_db", "ratio", *_ONE)

semharq = _learned("semharq", *_HARQ)
semharq_no_fde = _learned("semharq-no-fde", *_HARQ)
semharq_sst = _learned("semharq-sst", *_HARQ)
semharq_csi = _learned("semharq-csi", *_HARQ)
semharq_oracle = _learned("semharq-oracle", *_HARQ)
ik_s_harq = _learned("ik-s-harq", *_HARQ)
rt_s_harq = _learned("rt-s-harq", *_HARQ)


def semharq_plus(
    networks: Networks,
    theta_0_db: float = 1.0,
    estimate_bits: int = 1,
    bursts_per_slot: int = 2,
    equalizer: str = "mrc",
) -> Scheme:
    """Latent features by plan, the receiver's estimates fed back."""
    return SemharqPlus(
        networks.encoder.network,
        networks.plus(),
        theta_0_db,
        estimate_bits,
        bursts_per_slot,
        equalizer,
    )


def smsc_stc(
    networks: Networks, share: str = "third", features_per_use: int = 1, equalizer: str = "mrc"
) -> Scheme:
    """SMSC-FIR with three single-task networks."""
    protocol, systems = PROTOCOLS[SINGLE_TASK_PROTOCOL], {}
    for task in TASKS:
        encoder, link = networks.single_task(task)
        own = SemanticHarq(
            encoder.network,
            link,
            protocol,
            features_per_use=features_per_use,
            equalizer=equalizer,
        )
        systems[task] = SingleTaskNetwork(encoder, own)
    return SingleTask(systems, share)


smsc_fir = _learned("smsc-fir", *_ONE)
smsc_sequential = _learned("smsc-sequential", *_ONE)
smsc_random = _learned("smsc-random", *_ONE)
smsc_complete = _learned("smsc-complete", *_ONE)
