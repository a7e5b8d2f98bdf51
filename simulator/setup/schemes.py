"""Builds the schemes of a run: the built-in ones, and those of a user's own factories."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from semantic.parts.files import declare
from semantic.suggest import no_argument
from simulator.catalog import SCHEMES, resolve
from simulator.declared import check_declared, named_errors
from simulator.renamed import RENAMED, current_names, warn_renamed
from simulator.scheme import Scheme
from simulator.setup.networks import Networks
from simulator.signatures import typed
from simulator.spec import RunSpec

#: Makes a scheme of the run's networks and of the arguments that it takes.
Build = Callable[[Networks, dict[str, Any]], Scheme]


def build_schemes(networks: Networks) -> dict[str, Scheme]:
    """Builds the schemes of the run, each with those of the run's arguments that it takes.

    Raises:
        ValueError: If no scheme takes an argument; names the nearest that one does.
    """
    names = networks.spec.schemes
    builders = {}
    for name in names:
        with networks.files[name].active():
            builders[name] = _builder(name)
    known = {argument for _, taken in builders.values() for argument in taken}
    given = dict(current_names("scheme argument", networks.spec.scheme_args, known))
    for argument in given:
        if argument not in known:
            raise ValueError(_refusal(names, argument, sorted(known)))
    schemes = {}
    for name, (build, taken) in builders.items():
        own = {n: v for n, v in given.items() if n in taken}
        with networks.files[name].active():
            schemes[name] = build(networks.apart(name, copied=name not in SCHEMES), own)
    return schemes


def scheme_arguments(spec: RunSpec) -> tuple[tuple[str, Any], ...]:
    """Returns the run's scheme arguments in the types that users' own schemes declare.

    Those of built-in schemes have them already. A value that several schemes read in several types
    stays as it is given.
    """
    given, read = dict(spec.scheme_args), dict[str, list[Any]]()
    for name in (scheme for scheme in spec.schemes if scheme not in SCHEMES):
        factory = resolve("scheme", name, SCHEMES)
        taken = {n: v for n, v in given.items() if n in inspect.signature(factory).parameters}
        for argument, value in typed(f"scheme {name}", factory, taken).items():
            read.setdefault(argument, []).append(value)
    for entry in (SCHEMES[scheme] for scheme in spec.schemes if scheme in SCHEMES):
        for argument in entry.declared.keys() & read.keys():
            read[argument].append(given[argument])
    one = {n: v[0] for n, v in read.items() if len({(type(x), x) for x in v}) == 1}
    return tuple((name, one.get(name, value)) for name, value in given.items())


def build_scheme(name: str, networks: Networks, **arguments: Any) -> Scheme:
    """Builds one scheme.

    Args:
        name: A name of the catalog, an entry point, or "package.module:factory".
        networks: The networks of the run.
        arguments: Its arguments, as `RunSpec.scheme_args` has them.

    Raises:
        ValueError: For an unknown name, or an argument that it does not take or allow.
    """
    build, taken = _builder(name)
    for argument in arguments:
        if argument not in taken:
            raise ValueError(_refusal([name], argument, taken))
    return build(networks, arguments)


def _refusal(names: Sequence[str], argument: str, known: Iterable[str]) -> str:
    """Returns the message about an argument that none of the schemes takes."""
    others = {name for entry in SCHEMES.values() for name in entry.declared}
    elsewhere = RENAMED["scheme argument"].get(argument, argument) in others
    return no_argument([f"scheme {name}" for name in names], argument, known, not elsewhere)


def _builder(name: str) -> tuple[Build, list[str]]:
    """Returns (what makes the scheme, the arguments that it takes)."""
    made = resolve("scheme", name, SCHEMES)
    if name not in SCHEMES:
        return _users_own(name, made)
    entry = SCHEMES[name]

    def build(networks: Networks, given: dict[str, Any]) -> Scheme:
        scheme: Scheme = made(networks, name, entry.defaults.given(given))
        return scheme

    return build, list(entry.declared)


def _users_own(name: str, factory: Any) -> tuple[Build, list[str]]:
    """A factory (networks, **arguments): the arguments are read off its signature."""
    check_declared("scheme", name, factory)
    parameters = inspect.signature(factory).parameters
    first, *own = [*parameters] or [""]
    if first in RENAMED["first parameter of a scheme's factory"]:
        warn_renamed("first parameter of a scheme's factory", first)

    def build(networks: Networks, given: dict[str, Any]) -> Scheme:
        own = typed(f"scheme {name}", factory, given)
        with named_errors("scheme", name):
            scheme: Scheme = factory(networks, **own)
        declare("scheme", name, scheme, given)
        return scheme

    return build, own
