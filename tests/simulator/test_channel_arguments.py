"""Arguments of channels: text in the declared type and range, or one line before any work."""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from click.testing import CliRunner

from phy.channel import Channel
from phy.channels.fading import Rician
from phy.channels.parameters import Domain
from simulator.arguments import Argument, plain_value
from simulator.catalog import CHANNELS, construct, resolve
from simulator.cli import main
from simulator.renamed import RENAMED
from simulator.setup.channel import channel_arguments
from simulator.setup.schemes import scheme_arguments
from simulator.signatures import declared_by, typed
from simulator.spec import RunSpec

SLOT = {"bandwidth_hz": 1e6, "interval_s": 1e-3}
#: What does not fit any number, and what no parameter allows at all.
NO_NUMBER = ("nan", "inf", "-inf", "", "1dB", "true", "0x10", "1_0", " 1", "1e400", "é")
PARAMETERS = [
    (name, parameter)
    for name in ("rician", "rayleigh", "nakagami", "shadowed", "gilbert-elliott", "simo", "tdl-a", "cdl-a")
    for parameter in inspect.signature(resolve("channel", name, CHANNELS)).parameters
    if parameter != "over"
]  # fmt: skip


class Own(Channel):
    """A channel of a user's own."""

    def __init__(
        self,
        shape: Annotated[float, Domain(1, 5)] = 2.0,
        taps: int = 3,
        law: Literal["even", "odd"] = "even",
        wide: bool = False,
        label: str = "x",
        least: float | None = None,
        loose: Any = None,
        bare=4,  # type: ignore[no-untyped-def]
    ) -> None:
        self.given = (shape, taps, law, wide, label, least, loose, bare)

    def draw(self, streams: Any, uses: int, state: Any) -> Any:
        return streams.complex_normal(uses), None


@pytest.mark.parametrize(("channel", "parameter"), PARAMETERS)
def test_a_word_that_does_not_fit_is_one_line(channel: str, parameter: str) -> None:
    for text in NO_NUMBER:
        given = {parameter: plain_value(text)}
        with pytest.raises(
            ValueError, match=f"^channel {channel}: {parameter} .* it must be "
        ) as e:
            construct("channel", channel, CHANNELS, given, SLOT)
        assert len(str(e.value).splitlines()) == 1


@pytest.mark.parametrize(("channel", "parameter"), PARAMETERS)
def test_every_parameter_declares_a_range_or_choices(channel: str, parameter: str) -> None:
    function = resolve("channel", channel, CHANNELS)
    for text in ("-1e300", "1e300", "no such word"):
        with pytest.raises(ValueError, match=f"channel {channel}: {parameter} .* it must be "):
            typed(f"channel {channel}", function, {parameter: plain_value(text)})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("tdl-a", "subcarriers=auto", "auto"),
        ("tdl-a", "subcarriers=24", 24),
        ("cdl-a", "tx_pattern=38.901", "38.901"),
        ("simo", "antennas=4", 4),
        ("rician", "k_factor=3", 3.0),
    ],
)
def test_words_that_fit(name: str, text: str, value: object) -> None:
    parameter, _, word = text.partition("=")
    found = typed(name, resolve("channel", name, CHANNELS), {parameter: plain_value(word)})
    expected = None if value == "auto" else value
    assert found == {parameter: expected}
    assert type(found[parameter]) is type(expected)
    construct("channel", name, CHANNELS, {parameter: plain_value(word)}, SLOT)


def made(**given: Any) -> tuple[Any, ...]:
    channel = construct("channel", f"{__name__}:Own", CHANNELS, given)
    assert isinstance(channel, Own)
    return channel.given


def test_a_users_own_channel_gets_values_of_its_declared_types() -> None:
    assert made() == (2.0, 3, "even", False, "x", None, None, 4)
    assert made(shape=3, taps="7", law="odd", wide=1, label=16, least="auto") == (
        *(3.0, 7, "odd", True, "16", None, None, 4),
    )
    assert made(least=0.5, loose="03", bare=4.5)[5:] == (0.5, "03", 4.5)
    assert made(bare=5)[7] == 5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shape": 6}, "shape 6 is not allowed, it must be 1 to 5"),
        ({"shape": "nan"}, "shape 'nan' is not a number, it must be 1 to 5"),
        ({"taps": 2.5}, "taps 2.5 is not a whole number"),
        ({"law": "evn"}, "law 'evn' is not allowed, it must be even or odd; nearest: 'even'"),
        ({"wide": "true"}, "wide 'true' is not allowed, it must be 0 or 1"),
        ({"label": ""}, "label '' is not allowed, it must be a word"),
        ({"least": float("inf")}, "least inf is not allowed, it must be a number, or auto"),
        ({"bare": "four"}, "bare 'four' is not a whole number"),
    ],
)
def test_a_users_own_channel_is_checked_alike(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^channel {__name__}:Own: ") as error:
        made(**given)
    assert message in str(error.value)


def test_an_annotation_of_several_types_declares_none() -> None:
    parameter = inspect.Parameter("a", inspect.Parameter.KEYWORD_ONLY)
    assert declared_by(parameter, float | str) is None
    assert declared_by(parameter, int | float) == Argument("a", float, None)


def test_the_command_line_refuses_before_any_work(tmp_path: Path) -> None:
    options = ["--scheme", "perfect", "--data", str(tmp_path / "nowhere"), "--channel", "tdl-a"]
    for command in (options, ["check", "tdl-a"]):
        result = CliRunner().invoke(main, [*command, "--channel-arg", "pilot_spacing=nan"])
        assert result.exit_code == 2
        assert result.stderr == (
            "simulate: channel tdl-a: pilot_spacing 'nan' is not a whole number, "
            "it must be 2 to 3299\n"
        )


@pytest.mark.parametrize(("kind", "part"), [("channel", "rician"), ("scheme", "perfect")])
def test_the_old_option_of_the_check_works_and_warns(kind: str, part: str) -> None:
    assert RENAMED[f"option of the check of a {kind}"] == {"--arg": f"--{kind}-arg"}
    result = CliRunner().invoke(main, ["check", part, "--arg", "k_factr=1"])
    warning, error = result.stderr.splitlines()
    assert f"'--arg' is now called '--{kind}-arg'" in warning
    assert "takes no argument 'k_factr'" in error


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (list[float], "1", "1"),
        (list[float], "1,2", "1,2"),
        (tuple[int, int], "1,2", "1,2"),
        (float | None, "1", 1.0),
        (int | float, "1", 1.0),
    ],
)
def test_the_type_inside_a_container_is_not_that_of_the_value(
    hint: Any, text: str, value: Any
) -> None:
    def own(x: Any = None) -> None: ...

    own.__annotations__["x"] = hint
    found = typed("channel own", own, {"x": text})["x"]
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize("domain", [Domain(most=20), Domain(least=20)])
def test_a_range_with_one_end_holds(domain: Domain) -> None:
    def own(x: float = 20) -> None: ...

    own.__annotations__["x"] = Annotated[float, domain]
    wrong = "21" if domain.most == 20 else "19"
    assert typed("channel own", own, {"x": "20"}) == {"x": 20}
    with pytest.raises(ValueError, match=f"^channel own: x {wrong}.0 is not allowed, it must be "):
        typed("channel own", own, {"x": wrong})


def own_scheme(networks: Any, target: float = 1.0, rows: int = 2, loose: Any = None) -> None:
    """A factory of a user's own scheme, of which only the arguments are read."""


#: A channel, and values that are one and the same for it.
ONE_CHANNEL: list[tuple[str, list[dict[str, Any]]]] = [
    ("rician", [{"k_factor": 2}, {"k_factor": 2.0}, {"k_factor": "2"}, {"k_factor": "2.0"}]),
    ("shadowed", [{"over": "simo/nakagami", "m": m, "sigma_db": 3} for m in (2, 2.0)]),
    ("tdl-c", [{"subcarriers": None}, {"subcarriers": "auto"}]),
    (f"{__name__}:Own", [{"wide": 1, "least": 1}, {"wide": True, "least": 1.0}]),
    (f"{__name__}:Own", [{"label": 16, "least": None}, {"label": "16", "least": "auto"}]),
]


@pytest.mark.parametrize(("channel", "given"), ONE_CHANNEL)
def test_one_channel_has_one_law_and_one_identity(
    channel: str, given: list[dict[str, Any]]
) -> None:
    specs = [RunSpec(channel=channel, channel_args=tuple(one.items())) for one in given]
    prepared = [replace(spec, channel_args=channel_arguments(spec)) for spec in specs]
    assert len({repr(spec) for spec in prepared}) == 1
    assert len({spec.channel_law for spec in prepared}) == 1  # the name of the random streams
    assert channel_arguments(prepared[0]) == prepared[0].channel_args, "a worker reads it again"


@pytest.mark.parametrize(
    ("channel", "given", "kept"),
    [
        ("rician", {"k_factor": 2, "fading": "fast", "power": "unit"}, {}),
        ("rician", {"k_factor": "2.0", "fading": "block"}, {"fading": "block"}),
        ("shadowed", {"over": "rician", "k_factor": 2, "sigma_db": "4"}, {}),
        ("shadowed", {"over": "rayleigh", "fading": "fast"}, {"over": "rayleigh"}),
        ("tdl-c", {"subcarriers": "auto", "csi": "lmmse"}, {"csi": "lmmse"}),
        (
            f"{__name__}:Own",
            {"wide": False, "least": None, "label": "x", "shape": 3},
            {"shape": 3.0},
        ),
    ],
)
def test_an_argument_that_is_the_default_leaves_the_channel_as_it_is(
    channel: str, given: dict[str, Any], kept: dict[str, Any]
) -> None:
    """The bare name and the same channel with its defaults written out meet the same fading."""
    spec = RunSpec(channel=channel, channel_args=tuple(given.items()))
    assert dict(channel_arguments(spec)) == kept


def test_w_and_t_that_are_given_stay() -> None:
    """The default in the signature is not the run's: without the argument the run's is taken."""
    defaults = inspect.signature(Rician).parameters
    given = {name: defaults[name].default for name in ("bandwidth_hz", "interval_s")}
    spec = RunSpec(channel_args=tuple(given.items()), bandwidth_hz=1e6)
    assert dict(channel_arguments(spec)) == given
    assert channel_arguments(RunSpec()) == ()


def test_a_law_is_written_as_on_the_command_line() -> None:
    assert RunSpec(channel_args=(("k_factor", 2.0),)).channel_law == "rician(k_factor=2)"
    assert RunSpec(channel_args=(("k_factor", 0.5),)).channel_law == "rician(k_factor=0.5)"


def test_arguments_of_an_own_scheme_have_one_identity() -> None:
    own = f"{__name__}:own_scheme"
    for given in ({"target": 3, "rows": "4", "loose": 2}, {"target": 3.0, "rows": 4, "loose": 2}):
        spec = RunSpec(schemes=("perfect", own), scheme_args=tuple(given.items()))
        assert repr(dict(scheme_arguments(spec))) == "{'loose': 2, 'rows': 4, 'target': 3.0}"


def test_impairments_have_one_identity_and_one_label() -> None:
    specs = [RunSpec(impairments=(("csit_offset_db", v), ("csir_error", 0.1))) for v in (3, 3.0)]
    assert repr(specs[0]) == repr(specs[1])
    assert specs[0].channel_label == "rician+csir_error=0.1+csit_offset_db=3"
