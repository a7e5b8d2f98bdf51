"""The checker names the mistake of everything broken, and finds none in what is sound."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import broken_parts as parts
import broken_schemes as schemes
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

import simulator
from phy.streams import Streams
from simulator import check_channel, check_scheme
from simulator.checks.dispatch import recognize
from simulator.checks.report import GlobalGenerators, Report, gather, holds
from simulator.cli import main
from simulator.guard import Guarded
from simulator.scheme import Scheme


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="simulate")


def test_what_is_right_passes() -> None:
    report = check_channel(parts.Good)
    assert report.ok, str(report)
    assert report.subject == "broken_parts:Good"
    assert len(report.findings) == 36
    declared = check_channel(parts.ThreeDraws)
    assert declared.ok, str(declared)
    assert len(declared.findings) == 37


def test_checking_leaves_the_global_generators_alone() -> None:
    generators = GlobalGenerators()
    check_channel("awgn")
    assert generators.finding().ok
    torch.rand(1)
    np.random.rand()  # noqa: NPY002 -- so that the finding has something to find
    assert generators.finding().found == "torch, numpy.random used"


def test_a_rule_that_raises_has_failed_and_the_others_go_on() -> None:
    def broken() -> Iterator[Any]:
        yield holds("before", "", None)
        raise KeyError("x")

    line = broken.__code__.co_firstlineno + 2
    report = gather("part", "p", {"first": broken, "second": lambda: iter([holds("c", "", None)])})
    assert [(f.what, f.ok) for f in report.findings] == [
        *(("before", True), ("first", False), ("c", True))
    ]
    assert report.findings[1].found == f"KeyError: 'x' ({__file__}:{line})"


@pytest.fixture(scope="module")
def tiny(tiny_weights: Path, folder_data: Path) -> dict[str, Any]:
    return {"data": str(folder_data), "images": 10, "weights": str(tiny_weights)}


def test_a_sound_scheme_passes(tiny: dict[str, Any]) -> None:
    for scheme in ("broken_schemes:sound", schemes.sound):
        report = check_scheme(scheme, **tiny)
        assert report.ok, str(report)
        assert report.subject == "broken_schemes:sound"


@pytest.fixture(scope="module")
def scheme_report(tiny: dict[str, Any]) -> Callable[[type[Scheme]], Report]:
    """Checks a scheme once, also for several tests."""

    @functools.cache
    def check(kind: type[Scheme]) -> Report:
        def factory(networks: Any) -> Scheme:
            return kind()

        return check_scheme(factory, **tiny)

    return check


@pytest.mark.parametrize(
    ("kind", "what", "found"),
    [
        (schemes.Loud, "power", "energy 320 for 80 uses"),
        (schemes.Loud, "a run", "breaks the average power constraint"),
        (schemes.Undeclared, "power", "power beyond the channel uses that it declares"),
        (schemes.FloatUses, "burst", "uses is torch.float32 [10] for 10 images"),
        (schemes.NumberedAnswer, "feedback", "there are 2 reasons"),
        (schemes.OneAnswerForAll, "feedback", "ack is torch.bool [1] for 10 images"),
        (schemes.NoAnswerToTasks, "task outputs", "embedding holds nan"),
        (schemes.FewColors, "task outputs", "color has 3 classes"),
        (schemes.Company, "batches of 5, in reverse order", "embedding differs at 0 dB"),
        (schemes.Dice, "run repeated", "embedding differs at 0 dB"),
        (schemes.FirstSlot, "run repeated", "embedding differs at 0 dB"),
        (schemes.OtherMatrix, "run repeated", "embedding differs at 0 dB"),
        (schemes.Dice, "global generators", "torch used"),
        (schemes.ShortPayload, "payload", "extra has 9"),
    ],
)
def test_a_broken_scheme_is_told_what_is_wrong(
    kind: type[Scheme],
    what: str,
    found: str,
    scheme_report: Callable[[type[Scheme]], Report],
) -> None:
    report = scheme_report(kind)
    failures = {finding.what: finding for finding in report.failures}
    assert what in failures, str(report)
    assert found in failures[what].found


@pytest.mark.parametrize(
    ("kind", "unreached"),
    [
        (schemes.Deaf, ["feedback", "received images", "task outputs"]),
        (schemes.Loud, ["received images", "task outputs"]),
        (schemes.FloatUses, ["power", "received images", "task outputs"]),
        (schemes.FewColors, []),
    ],
)
def test_rules_that_an_error_came_before_neither_hold_nor_fail(
    kind: type[Scheme], unreached: list[str], scheme_report: Callable[[type[Scheme]], Report]
) -> None:
    report = scheme_report(kind)
    assert not report.ok
    assert [f.what for f in report.findings if f.found == "not reached"] == unreached
    assert [f.what for f in report.findings if f.ok is None] == unreached
    assert report.summary.endswith(f"{len(unreached)} not checked") == bool(unreached)


def test_an_error_of_a_scheme_is_shown_with_its_line(
    scheme_report: Callable[[type[Scheme]], Report],
) -> None:
    found = {f.what: f.found for f in scheme_report(schemes.Deaf).failures}
    line = schemes.Deaf.receive.__code__.co_firstlineno + 1
    for row in ("a run", "same numbers"):
        assert found[row] == f"RuntimeError: no ears ({schemes.__file__}:{line})"


def test_what_is_no_scheme_and_what_cannot_be_made(tiny: dict[str, Any]) -> None:
    report = check_scheme("broken_schemes:nothing", **tiny)
    assert [f.found for f in report.failures] == ["a int"]
    assert not check_scheme("broken_schemes:sound", {"louder": 2.0}, **tiny).ok
    for name, arguments, message in (
        ("semhrq", {}, "unknown scheme 'semhrq': nearest: 'semharq"),
        ("broken_schemes:sound", {"loud": 2.0}, "takes no argument 'loud'; nearest: 'louder'"),
        ("broken_schemes:sond", {}, "has no 'sond'; nearest: 'sound'"),
        ("no_such_module:sound", {}, "No module named 'no_such_module'"),
    ):
        with pytest.raises(ValueError, match=message):
            check_scheme(name, arguments, **tiny)


def test_a_guarded_channel_names_itself_and_the_value() -> None:
    streams, x = Streams(0, "cell", np.arange(4)), torch.ones(4, 6, dtype=torch.complex64)
    for channel, message in (
        (parts.ThreeAxes(), r"mine: draw gave h of shape \[4, 6, 1\], it must be \[4, 6\] or"),
        (parts.Double(), "mine: draw gave h of type torch.complex128, it must be torch.complex64"),
        (parts.NoState(), r"mine: draw gave a Tensor, it must be \(h, state\)"),
        (parts.NotANumber(), r"mine: draw gave h = \(nan\+0j\) in row \d, use \d; it must be fin"),
    ):
        with pytest.raises(ValueError, match=message):
            Guarded(channel, "mine").draw(streams, 6, None)
    with pytest.raises(ValueError, match="mine: apply gave no = 0 in row 0, use 0"):
        Guarded(parts.NoVariance(), "mine").apply(x, x, 1.0, streams)
    plain, guarded = parts.Good(), Guarded(parts.Good(), "mine")
    one, other = (Streams(0, "cell", np.arange(4)) for _ in range(2))
    h, _ = guarded.draw(one, 6, None)
    assert torch.equal(h, plain.draw(other, 6, None)[0])
    for mine, its in zip(guarded.apply(x, h, 1.0, one), plain.apply(x, h, 1.0, other), strict=True):
        assert torch.equal(mine, its)


def test_kinds_are_recognized(folder_data: Path) -> None:
    for name, kind in (
        ("rician", "channel"),
        ("semharq", "scheme"),
        ("synthetic", "data"),
        (str(folder_data), "data"),
        ("veri:somewhere", "data"),
        ("broken_parts:Good", "channel"),
        ("broken_schemes:sound", "scheme"),
        ("webp", "codec"),
        ("simulator.codecs.pillow_codecs:PillowCodec", "codec"),
    ):
        assert recognize(name) == kind
    for name, message in (
        ("broken_schemes:Sound", "is the class of a scheme"),
        ("broken_parts:np", "the kind of 'broken_parts:np' .a module. is not clear: .* --kind"),
        ("nonsense", "there is no channel, scheme, data set, codec or encoder 'nonsense'"),
        ("", "there is no channel, scheme, data set, codec or encoder ''"),
    ):
        with pytest.raises(ValueError, match=message):
            recognize(name)


def test_the_command_shows_a_table_and_exits_with_the_answer(
    folder_data: Path, tiny_weights: Path
) -> None:
    good = run("check", "rician", "--channel-arg", "k_factor=4")
    assert good.exit_code == 0, good.output
    assert "channel rician: 37 checks hold" in good.stdout
    for word in ("expected", "found", "average gain E|h|^2", "standard errors", "0.0001"):
        assert word in good.stdout
    bad = run("check", "broken_parts:Misprint")
    assert bad.exit_code == 1
    assert "FAILS" in bad.stdout
    assert "1 of 34 checks fail" in bad.stdout
    tiny = ["--data", folder_data, "--weights", tiny_weights]
    assert run("check", "broken_schemes:sound", *tiny).exit_code == 0
    assert run("check", "broken_schemes:sound", *tiny, "--scheme-arg", "louder=2").exit_code == 1
    assert run("check", folder_data).exit_code == 0
    for arguments, message in (
        (["ricain"], "nearest: 'rician'"),
        (["rician", "--channel-arg", "k_factor=-1"], "k_factor -1 is not allowed"),
        (["rician", "--scheme-arg", "x=1"], "give --channel-arg"),
        (["rician", "--channel-arg", "k_factor"], "--channel-arg 'k_factor' is not NAME=VALUE"),
        (["broken_parts:Goood"], "nearest: 'Good'"),
        (["rician", "--kind", "chanel"], "'chanel' is not one of"),
        ([folder_data, "--channel-arg", "x=1"], "takes no argument 'x'"),
        (["webp", "--scheme-arg", "quality=1"], "codec 'webp' takes no argument 'quality'"),
        (["wepb", "--kind", "codec"], "unknown codec 'wepb': nearest: 'webp'"),
    ):
        refused = run("check", *arguments)
        assert refused.exit_code == 2
        assert message in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
        assert refused.stdout == ""


def test_the_package_offers_what_scripts_use() -> None:
    assert {
        "check_channel",
        "check_scheme",
        "check_dataset",
        "check_codec",
        "check_encoder",
    } <= simulator.EXPORTS.keys()
    with pytest.raises(AttributeError, match="no attribute 'chek_channel'"):
        _ = simulator.chek_channel  # type: ignore[attr-defined]
