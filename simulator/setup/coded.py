"""Builds the schemes that send coded bits: one function for each name of the catalogue."""

from __future__ import annotations

from semantic.quantiser import Quantiser
from semantic.suggest import nearest
from simulator.codecs.image_codecs import ImageCodec
from simulator.scheme import Scheme
from simulator.schemes.adaptive_coding import TARGET_BLER, AdaptiveCoding
from simulator.schemes.coding import Coding, CodingRule
from simulator.schemes.conventional import Conventional
from simulator.schemes.digital_features import DigitalFeatures
from simulator.setup.channel import open_channel
from simulator.setup.networks import Stack

#: How what a NACK asks for is sent: the whole transport block, or its wrong code-block groups.
RETRANSMISSIONS = ("block", "group")
ENGINES = ("auto", "numba", "sionna")


def jpeg_ldpc_bpsk(
    stack: Stack,
    codec: str = "jpeg",
    quality: int | str = "fit",
    modulation: str = "bpsk",
    rate: float = 0.75,
    base_graph: int | str = 1,
    iterations: int = 50,
    give_up: int = 1,
    engine: str = "auto",
    on_failure: str = "best-effort",
) -> Scheme:
    """SMSC-FIR's traditional method: one shot."""
    coding = _coding(stack, modulation, rate, base_graph, "0231", "ir", iterations, give_up, engine)
    return Conventional(coding, _image_codec(codec, quality), harq=False, on_failure=on_failure)


def jpeg_ldpc_16qam_harq(
    stack: Stack,
    codec: str = "jpeg",
    quality: int | str = "fit",
    modulation: str = "16qam",
    rate: float = 0.75,
    base_graph: int | str = 1,
    rv_order: str = "0231",
    combining: str = "ir",
    retransmission: str = "block",
    groups: int = 8,
    harq: int = 1,
    iterations: int = 50,
    give_up: int = 1,
    engine: str = "auto",
    on_failure: str = "best-effort",
) -> Scheme:
    """SemHARQ's traditional type-II HARQ: incremental redundancy until the CRC holds."""
    coding = _coding(
        stack, modulation, rate, base_graph, rv_order, combining, iterations, give_up, engine
    )
    source = _image_codec(codec, quality)
    return _conventional(coding, source, retransmission, groups, harq, on_failure)


def conventional_amc(
    stack: Stack,
    codec: str = "webp",
    quality: int | str = "fit",
    target_bler: float = TARGET_BLER,
    base_graph: int | str = "auto",
    rv_order: str = "0231",
    combining: str = "ir",
    retransmission: str = "block",
    groups: int = 8,
    harq: int = 1,
    iterations: int = 50,
    give_up: int = 1,
    engine: str = "auto",
    on_failure: str = "best-effort",
) -> Scheme:
    """The strong baseline: picture quality, modulation and rate by what is known of the channel."""
    coding = _coding(
        stack, "qpsk", 0.5, base_graph, rv_order, combining, iterations, give_up, engine
    )
    rule = _adaptive(stack, coding, target_bler)
    source = _image_codec(codec, quality)
    return _conventional(rule, source, retransmission, groups, harq, on_failure)


def digital_features(
    stack: Stack,
    bits: int = 2,
    quantiser: str = "lloyd-max",
    modulation: str = "adaptive",
    rate: float | str = "adaptive",
    target_bler: float = TARGET_BLER,
    base_graph: int | str = "auto",
    rv_order: str = "0231",
    combining: str = "ir",
    iterations: int = 50,
    give_up: int = 1,
    engine: str = "auto",
) -> Scheme:
    """SemHARQ's features as bits: what is semantic about it without what is analog."""
    values = Quantiser(bits, quantiser)
    adaptive = modulation == "adaptive"
    if adaptive != (rate == "adaptive"):
        raise ValueError(
            f"modulation {modulation} with rate {rate} is not allowed: give both, or none"
        )
    fixed = ("qpsk", 0.5) if adaptive else (modulation, _number("rate", rate))
    coding = _coding(stack, *fixed, base_graph, rv_order, combining, iterations, give_up, engine)
    rule: CodingRule = _adaptive(stack, coding, target_bler) if adaptive else coding
    return DigitalFeatures(stack.link("semharq"), values, rule)


def _adaptive(stack: Stack, coding: Coding, target_bler: float) -> AdaptiveCoding:
    """Adapted to the run's channel, as its receivers see it."""
    return AdaptiveCoding(coding, open_channel(stack.spec), _number("target_bler", target_bler))


def _conventional(
    rule: CodingRule,
    source: ImageCodec,
    retransmission: str,
    groups: int,
    harq: int,
    on_failure: str,
) -> Scheme:
    _one_of("retransmission", retransmission, RETRANSMISSIONS)
    count = groups if retransmission == "group" else 1
    return Conventional(rule, source, _flag("harq", harq), on_failure, _whole("groups", count))


def _coding(
    stack: Stack,
    modulation: str,
    rate: float,
    base_graph: int | str,
    rv_order: str,
    combining: str,
    iterations: int,
    give_up: int,
    engine: str,
) -> Coding:
    """A `Coding` of what a user wrote; "auto" decodes where the networks are."""
    _one_of("engine", engine, ENGINES)
    on_gpu = stack.device.startswith("cuda")
    if engine == "auto":
        engine = "sionna" if on_gpu else "numba"
    if base_graph not in (1, 2, "auto"):
        raise ValueError(f"base_graph {base_graph!r} is not allowed, it must be auto, 1 or 2")
    digits = str(rv_order).zfill(4)  # the command line reads 0231 as a number
    if not digits.isdecimal():
        raise ValueError(f"rv_order {rv_order!r} is not allowed, it must be digits such as 0231")
    return Coding(
        modulation,
        _number("rate", rate),
        None if base_graph == "auto" else int(base_graph),
        tuple(int(digit) for digit in digits),
        combining,
        _whole("iterations", iterations),
        _flag("give_up", give_up),
        engine,
        stack.device if engine == "sionna" else "cpu",
    )


def _image_codec(codec: str, quality: int | str) -> ImageCodec:
    if isinstance(quality, int):
        return ImageCodec(codec, quality)
    if quality != "fit":
        raise ValueError(f"quality {quality!r} is not allowed, it must be 1 to 95, or fit")
    return ImageCodec(codec)


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} {value!r} is not allowed: {nearest(str(value), allowed)}")


def _number(name: str, value: object) -> float:
    if not isinstance(value, (int, float)):
        raise ValueError(f"{name} {value!r} is not a number")
    return float(value)


def _whole(name: str, value: object) -> int:
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} {value!r} is not allowed, it must be a whole number from 1 on")
    return value


def _flag(name: str, value: object) -> bool:
    if value not in (0, 1):
        raise ValueError(f"{name} {value!r} is not allowed, it must be 0 or 1")
    return bool(value)
