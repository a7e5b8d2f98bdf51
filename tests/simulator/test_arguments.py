"""Scheme arguments: declared once, read in their types, refused in one line, renamed with a warning."""

import inspect
import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import simulator
from phy.coding.ldpc_decoder import DECODERS
from phy.coding.transport import COMBININGS, MAX_RATE, MIN_RATE
from phy.equalizer import COMBINERS
from phy.modulation import BITS_PER_SYMBOL
from semantic.link.network import RATIOS
from semantic.link.protocol import LEARNED
from semantic.quantizer import MOST_BITS, QUANTIZERS
from simulator.arguments import Argument, declarations, plain_value
from simulator.catalog import CHANNELS, SCHEMES, resolve
from simulator.cli import main
from simulator.codecs.image_codecs import FAILURE_POLICIES
from simulator.commands.options import build_spec
from simulator.renamed import RenamedWarning
from simulator.scheme import Scheme
from simulator.scheme_arguments import (
    MODULATIONS,
    RATE_LIMITS,
    RATIO_LIMITS,
    DigitalFeaturesArguments,
    ImageFileArguments,
    SemanticHarqArguments,
    SemharqPlusArguments,
)
from simulator.schemes.conventional import Conventional
from simulator.setup.networks import Networks
from simulator.setup.schemes import build_scheme, build_schemes
from simulator.spec import RunSpec

HARQ, FEATURES = "jpeg-ldpc-16qam-harq", "digital-features"


def given(scheme: str, *pairs: str) -> dict[str, Any]:
    """The run's scheme arguments of a command line."""
    return dict(build_spec({"scheme": scheme, "scheme_args": pairs}, None).scheme_args)


def test_names_that_other_packages_own_are_the_same_here() -> None:
    """The catalog imports no torch, so that it repeats a few lists."""
    image, features = declarations(ImageFileArguments), declarations(DigitalFeaturesArguments)
    assert set(declarations(SemanticHarqArguments)["equalizer"].allowed) == set(COMBINERS)
    assert (min(RATIOS), max(RATIOS)) == RATIO_LIMITS
    assert tuple(BITS_PER_SYMBOL) == MODULATIONS
    assert (MIN_RATE, MAX_RATE) == RATE_LIMITS
    assert image["combining"].allowed == tuple(COMBININGS)
    assert set(image["decoder"].allowed) == {"auto", *DECODERS}
    assert image["on_failure"].allowed == tuple(FAILURE_POLICIES)
    assert features["quantizer"].allowed == tuple(QUANTIZERS)
    assert features["bits"].most == MOST_BITS


@pytest.mark.parametrize("name", SCHEMES)
def test_every_default_is_allowed_and_every_argument_is_explained(name: str) -> None:
    entry = SCHEMES[name]
    for argument in entry.declared.values():
        assert argument.read(argument.default) == argument.default
        assert argument.help
        assert "\n" not in argument.help
        assert f"{argument.name}=" in entry.line
    assert entry.fixed <= {f.name for f in fields(entry.defaults)}


def test_the_catalog_has_every_learned_scheme() -> None:
    assert set(LEARNED) < set(SCHEMES)


@pytest.mark.parametrize(
    ("scheme", "pair", "value"),
    [
        ("semharq", "theta_0_db=2", 2.0),
        ("semharq", "theta_0_db=-1e1", -10.0),
        ("semharq", "features_per_use=2", 2),
        (HARQ, "rv_order=0231", "0231"),
        (HARQ, "rv_order=03", "03"),
        (HARQ, "quality=fit", "fit"),
        (HARQ, "quality=40", 40),
        (HARQ, "harq=0", False),
        (HARQ, "base_graph=auto", "auto"),
        (HARQ, "base_graph=2", 2),
        (HARQ, "codec=7", "7"),
        (FEATURES, "bits=3", 3),
    ],
)
def test_values_have_their_declared_type(scheme: str, pair: str, value: object) -> None:
    ((_, found),) = given(scheme, pair).items()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("scheme", "pair", "message"),
    [
        ("semharq", "theta_0_db=1dB", "theta_0_db '1dB' is not a number, it must be -300 to 300"),
        ("semharq", "theta_0_db=", "theta_0_db '' is not a number"),
        ("semharq", "theta_0_db=nan", "theta_0_db 'nan' is not a number"),
        ("semharq", "theta_0_db=1e300", "theta_0_db 1e+300 is not allowed, it must be -300 to 300"),
        ("semharq", "theta_0_db=1e999", "theta_0_db inf is not allowed"),
        ("semharq", "theta_0_db=1_0", "theta_0_db '1_0' is not a number"),
        (
            "semharq",
            "equalizer=1",
            "equalizer '1' is not allowed, it must be trained, none, zf, mmse or mrc",
        ),
        ("semharq", "equalizer=mrcc", "nearest: 'mrc'"),
        ("semharq", "ratio=true", "ratio 'true' is not a number, it must be 0.25 to 0.75"),
        ("semharq", "features_per_use=2.0", "features_per_use '2.0' is not a whole number"),
        ("semharq", "features_per_use=3", "features_per_use 3 is not allowed, it must be 1 or 2"),
        ("semharq-plus", "estimate_bits=9", "estimate_bits 9 is not allowed, it must be 0 to 8"),
        (HARQ, "modulation=16", "modulation '16' is not allowed"),
        (HARQ, "rv_order=4", "rv_order '4' is not allowed, it must be redundancy versions"),
        (HARQ, "rv_order=", "rv_order '' is not allowed"),
        (HARQ, "harq=2", "harq '2' is not allowed, it must be 0 or 1"),
        (HARQ, "harq=true", "harq 'true' is not allowed, it must be 0 or 1"),
        (HARQ, "groups=1e30", "groups '1e30' is not a whole number"),
        (HARQ, "modulation=adaptive", "modulation adaptive with rate 0.75 is not allowed"),
        (HARQ, "codec=", "codec '' is not allowed, it must be a word"),
        (FEATURES, "rate=adptive", "it must be 0.0293 to 0.9257, or adaptive"),
        (f"semharq,{HARQ}", "groups=0", f"scheme {HARQ}: groups 0"),
    ],
)
def test_what_is_not_allowed_is_one_line(scheme: str, pair: str, message: str) -> None:
    result = CliRunner().invoke(main, ["--scheme", scheme, "--scheme-arg", pair])
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    with pytest.raises(ValueError, match=r"^scheme "):
        given(scheme, pair)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("theta_0_db", v) for v in (True, None, [1.0], float("nan"), float("inf"))),
        *(("features_per_use", v) for v in (True, 1.0, "one", None)),
        *(("equalizer", v) for v in (1, None, True)),
    ],
)
def test_json_and_python_values_are_checked_too(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"scheme semharq: {name} .* it must be"):
        RunSpec.from_json({"schemes": ["semharq"], "scheme_args": {name: value}})


def test_one_value_has_one_form() -> None:
    """1, 1.0 and "1" are the same run, and so have the same finished points."""
    forms = [RunSpec(scheme_args=(("theta_0_db", v),)) for v in (1, 1.0, "1")]
    assert len({repr(spec) for spec in forms}) == 1
    flags = [RunSpec(schemes=(HARQ,), scheme_args=(("harq", v),)) for v in (0, False, "0")]
    assert len({repr(spec) for spec in flags}) == 1
    assert RunSpec.from_json(json.loads(json.dumps(flags[0].to_json()))) == flags[0]


def test_a_redundancy_order_that_an_earlier_release_wrote_as_a_number() -> None:
    spec = RunSpec.from_json({"schemes": [HARQ], "scheme_args": {"rv_order": 231}})
    assert dict(spec.scheme_args) == {"rv_order": "0231"}


def own(networks: Networks, a: int = 1, b: str = "x", c: Any = None) -> Scheme:
    """A user's own factory."""
    assert isinstance(a, int)
    assert isinstance(b, str)
    return Noted(a, b, c)


def older(stack: Networks, a: int = 1, engine: str = "x") -> Scheme:
    """A user's own factory from before the first parameter was renamed."""
    return Noted(a, engine, None)


class Noted(Scheme):
    def __init__(self, *noted: object) -> None:
        self.noted = noted

    encode = start = transmit = receive = perform = None  # type: ignore[assignment]


def built(factory: str, *pairs: str, weights: Path) -> Any:
    name = f"{__name__}:{factory}"
    spec = build_spec({"scheme": name, "scheme_args": pairs, "weights": str(weights)}, None)
    return build_schemes(Networks(spec, "cpu"))[name]


def test_a_users_own_factory_gets_values_of_its_annotated_types(tiny_weights: Path) -> None:
    assert built("own", "a=3", "b=16", "c=0.5", weights=tiny_weights).noted == (3, "16", 0.5)
    assert built("own", "b=03", weights=tiny_weights).noted == (1, "03", None)
    with pytest.raises(ValueError, match=r"test_arguments:own: a 0\.5 is not a whole number"):
        built("own", "a=0.5", weights=tiny_weights)
    with pytest.raises(ValueError, match="own takes no argument 'networks'; it takes a, b, c"):
        built("own", "networks=1", weights=tiny_weights)


def test_a_factory_of_the_old_form_works_and_warns(tiny_weights: Path) -> None:
    with pytest.warns(RenamedWarning, match="'stack' is now called 'networks'"):
        assert built("older", "a=2", "engine=y", weights=tiny_weights).noted == (2, "y", None)


def test_a_redundancy_order_is_taken_digit_by_digit(tiny_weights: Path) -> None:
    networks = Networks(RunSpec(weights=str(tiny_weights)), "cpu")
    scheme = build_scheme(HARQ, networks, rv_order="03")
    assert isinstance(scheme, Conventional)
    assert scheme.rule.rv_order == (0, 3)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"takes no argument 'rv_ordr'; nearest: 'rv_order'"):
        build_scheme(HARQ, networks, rv_ordr="03")


def test_an_argument_without_a_declared_type_looks_like_what_it_is() -> None:
    texts = ("3", "-3", "0.5", "1e3", "03", "1_0", "", "nan", "fast")
    assert [plain_value(t) for t in texts] == [3, -3, 0.5, 1000.0, "03", "1_0", "", "nan", "fast"]


def test_ranges_are_told_in_words() -> None:
    assert Argument("a", int, 1).expected == "a whole number"
    assert Argument("a", int, 1, least=1).expected == "at least 1"
    assert Argument("a", float, 0.5, least=0, most=1, open_ends=True).expected == (
        "between 0 and 1, both excluded"
    )
    for text in ("0", "1"):
        with pytest.raises(ValueError, match="between 0 and 1"):
            ImageFileArguments(target_bler=float(text))
    assert SemharqPlusArguments().given({"estimate_bits": "0"}).estimate_bits == 0


@pytest.mark.integration
def test_the_catalog_is_read_without_torch() -> None:
    code = "import simulator.spec, simulator.cli, sys; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_the_page_of_arguments_is_what_the_declarations_say() -> None:
    page = Path(simulator.__path__[0]).parent / "docs" / "arguments.md"
    written = CliRunner().invoke(main, ["list", "--markdown"]).stdout
    assert page.read_text() == written, "simulate list --markdown > docs/arguments.md"
    for name, entry in SCHEMES.items():
        assert f"- `{name}`: {entry.line}" in written


def test_list_explains_every_argument() -> None:
    lines = CliRunner().invoke(main, ["list"]).stdout.splitlines()
    for entry in SCHEMES.values():
        for name, argument in entry.declared.items():
            assert f"  {name:22} {argument.help} [{argument.expected}]" in lines


@pytest.mark.parametrize("name", CHANNELS)
def test_the_arguments_listed_for_a_channel_are_those_of_its_signature(name: str) -> None:
    listed = re.findall(r"(\w+)=", CHANNELS[name].arguments)
    parameters = inspect.signature(resolve("channel", name, CHANNELS)).parameters
    taken = [p.name for p in parameters.values() if p.kind is not p.VAR_KEYWORD]
    assert set(listed) == set(taken)
