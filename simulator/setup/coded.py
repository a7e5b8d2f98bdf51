"""Builds the schemes that send coded bits: one function for each name of the catalog."""

from __future__ import annotations

from semantic.quantizer import Quantizer
from semantic.suggest import nearest
from simulator.codecs.image_codecs import ImageCodec
from simulator.scheme import Scheme
from simulator.schemes.adaptive_coding import TARGET_BLER, AdaptiveCoding
from simulator.schemes.coding import Coding, CodingRule
from simulator.schemes.conventional import Conventional
from simulator.schemes.digital_features import DigitalFeatures
from simulator.setup.channel import open_channel
from simulator.setup.networks import Networks

#: How what a NACK asks for is sent: the whole transport block, or its wrong code-block groups.
RETRANSMISSIONS = ("block", "group")
DECODERS = ("auto", "numba", "sionna")


def jpeg_ldpc_bpsk(
    networks: Networks,
    codec: str = "jpeg",
    quality: int | str = "fit",
    modulation: str = "bpsk",
    rate: float = 0.75,
    base_graph: int | str = 1,
    iterations: int = 50,
    give_up: int = 1,
    decoder: str = "auto",
    on_failure: str = "best-effort",
) -> Scheme:
    """SMSC-FIR's traditional method: one shot."""
    coding = _coding(
        networks, modulation, rate, base_graph, "0231", "ir", iterations, give_up, decoder
    )
    return Conventional(coding, _image_codec(codec, quality), harq=False, on_failure=on_failure)


def jpeg_ldpc_16qam_harq(
    networks: Networks,
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
    decoder: str = "auto",
    on_failure: str = "best-effort",
) -> Scheme:
    """SemHARQ's traditional type-II HARQ: incremental redundancy until the CRC holds."""
    coding = _coding(
        networks, modulation, rate, base_graph, rv_order, combining, iterations, give_up, decoder
    )
    source = _image_codec(codec, quality)
    return _conventional(coding, source, retransmission, groups, harq, on_failure)


def conventional_amc(
    networks: Networks,
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
    decoder: str = "auto",
    on_failure: str = "best-effort",
) -> Scheme:
    """The strong baseline: image quality, modulation and rate by what is known of the channel."""
    coding = _coding(
        networks, "qpsk", 0.5, base_graph, rv_order, combining, iterations, give_up, decoder
    )
    rule = _adaptive(networks, coding, target_bler)
    source = _image_codec(codec, quality)
    return _conventional(rule, source, retransmission, groups, harq, on_failure)


def digital_features(
    networks: Networks,
    bits: int = 2,
    quantizer: str = "lloyd-max",
    modulation: str = "adaptive",
    rate: float | str = "adaptive",
    target_bler: float = TARGET_BLER,
    base_graph: int | str = "auto",
    rv_order: str = "0231",
    combining: str = "ir",
    iterations: int = 50,
    give_up: int = 1,
    decoder: str = "auto",
) -> Scheme:
    """SemHARQ's features as bits: what is semantic about it without what is analog."""
    values = Quantizer(bits, quantizer)
    adaptive = modulation == "adaptive"
    if adaptive != (rate == "adaptive"):
        raise ValueError(
            f"modulation {modulation} with rate {rate} is not allowed: give both, or none"
        )
    fixed = ("qpsk", 0.5) if adaptive else (modulation, _number("rate", rate))
    coding = _coding(
        networks, *fixed, base_graph, rv_order, combining, iterations, give_up, decoder
    )
    rule: CodingRule = _adaptive(networks, coding, target_bler) if adaptive else coding
    return DigitalFeatures(networks.link("semharq"), values, rule)


def _adaptive(networks: Networks, coding: Coding, target_bler: float) -> AdaptiveCoding:
    """Adapted to the run's channel, as its receivers see it."""
    return AdaptiveCoding(coding, open_channel(networks.spec), _number("target_bler", target_bler))


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
    networks: Networks,
    modulation: str,
    rate: float,
    base_graph: int | str,
    rv_order: str,
    combining: str,
    iterations: int,
    give_up: int,
    decoder: str,
) -> Coding:
    """A `Coding` of what a user wrote; "auto" decodes where the networks are."""
    _one_of("decoder", decoder, DECODERS)
    on_gpu = networks.device.startswith("cuda")
    if decoder == "auto":
        decoder = "sionna" if on_gpu else "numba"
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
        decoder,
        networks.device if decoder == "sionna" else "cpu",
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
