"""Names -> import strings: everything that a run can be asked for, in one readable list."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from semantic.plugins import installed, load
from semantic.suggest import nearest
from simulator.declared import check_declared, named_errors


@dataclass(frozen=True)
class Entry:
    """One thing by name.

    Attributes:
        target: "package.module:attribute", imported when it is asked for.
        summary: One line for `simulate list`.
        arguments: What --channel-arg or --scheme-arg may set, with defaults, for the same list.
        over: What it goes over unless told otherwise, where it goes over another of its kind.
    """

    target: str
    summary: str
    arguments: str = ""
    over: str = ""

    @property
    def line(self) -> str:
        """Summary and arguments."""
        return f"{self.summary} [{self.arguments}]" if self.arguments else self.summary


_HARQ = "theta_0_db=1 features_per_use=1 ratio=0.5 equalizer=mrc"
_ONE = "features_per_use=1 equalizer=mrc"
_FIR_HARQ, _FIR_ONE = (f"{arguments} importance=mean|image" for arguments in (_HARQ, _ONE))

_CODED = (
    "rv_order=0231 combining=ir retransmission=block groups=8 harq=1 iterations=50 give_up=1 "
    "decoder=auto on_failure=best-effort"
)

SCHEMES: dict[str, Entry] = {
    "semharq": Entry(
        "simulator.setup.learned:semharq",
        "semantic HARQ: distorted features again, then the next most important ones",
        _FIR_HARQ,
    ),
    "semharq-no-fde": Entry(
        "simulator.setup.learned:semharq_no_fde",
        "SemHARQ that picks features by z_hat itself",
        _FIR_HARQ,
    ),
    "semharq-sst": Entry(
        "simulator.setup.learned:semharq_sst", "SemHARQ that sends f from front to back", _HARQ
    ),
    "semharq-csi": Entry(
        "simulator.setup.learned:semharq_csi",
        "SemHARQ whose F also sees each feature's |h|",
        _FIR_HARQ,
    ),
    "semharq-oracle": Entry(
        "simulator.setup.learned:semharq_oracle", "SemHARQ with a genie for F: the bound", _FIR_HARQ
    ),
    "semharq-plus": Entry(
        "simulator.setup.learned:semharq_plus",
        "what the receiver knows least about in every use, its estimates fed back",
        "theta_0_db=1 estimate_bits=1 bursts_per_slot=2 equalizer=mrc",
    ),
    "ik-s-harq": Entry(
        "simulator.setup.learned:ik_s_harq",
        "incremental knowledge: new features in every slot",
        _FIR_HARQ,
    ),
    "rt-s-harq": Entry(
        "simulator.setup.learned:rt_s_harq",
        "the B most important features in every slot",
        _FIR_HARQ,
    ),
    "smsc-fir": Entry(
        "simulator.setup.learned:smsc_fir", "one slot, the most important features", _FIR_ONE
    ),
    "smsc-sequential": Entry(
        "simulator.setup.learned:smsc_sequential", "one slot, the first of f", _ONE
    ),
    "smsc-random": Entry("simulator.setup.learned:smsc_random", "one slot, random features", _ONE),
    "smsc-complete": Entry(
        "simulator.setup.learned:smsc_complete",
        "all of f, as many slots as it takes: the bound",
        _FIR_ONE,
    ),
    "smsc-stc": Entry(
        "simulator.setup.learned:smsc_stc",
        "SMSC-FIR with three single-task networks beside each other",
        f"share=third|full {_ONE}",
    ),
    "jpeg-ldpc-bpsk": Entry(
        "simulator.setup.coded:jpeg_ldpc_bpsk",
        "image file, 5G LDPC 3/4, BPSK, one shot",
        "codec=jpeg quality=fit modulation=bpsk rate=0.75 base_graph=1 iterations=50 give_up=1 "
        "decoder=auto on_failure=best-effort",
    ),
    "jpeg-ldpc-16qam-harq": Entry(
        "simulator.setup.coded:jpeg_ldpc_16qam_harq",
        "image file, 5G LDPC 3/4, 16-QAM, incremental-redundancy HARQ",
        f"codec=jpeg quality=fit modulation=16qam rate=0.75 base_graph=1 {_CODED}",
    ),
    "conventional-amc": Entry(
        "simulator.setup.coded:conventional_amc",
        "image file, quality, modulation and rate by the channel's statistics, HARQ",
        f"codec=webp quality=fit target_bler=0.1 base_graph=auto {_CODED}",
    ),
    "digital-features": Entry(
        "simulator.setup.coded:digital_features",
        "SemHARQ's features, quantized, over adaptive LDPC and QAM with HARQ",
        "bits=2 quantizer=lloyd-max modulation=adaptive rate=adaptive target_bler=0.1 "
        "base_graph=auto rv_order=0231 combining=ir iterations=50 give_up=1 decoder=auto",
    ),
    "perfect": Entry("simulator.setup.learned:perfect", "no channel: the ceiling"),
}

_FADING = "fading=fast|block|jakes speed_mps=10 carrier_hz=5.9e9 bandwidth_hz=W interval_s=T"

_OFDM = (
    "delay_spread_ns=100 speed_mps=10 carrier_hz=5.9e9 bandwidth_hz=W subcarriers=auto "
    "subcarrier_khz=15 cyclic_prefix=normal|extended csi=perfect|ls|lmmse pilot_spacing=12 "
    "interval_s=T"
)
_ANTENNAS = "tx_pattern=omni|38.901|38.901-handheld rx_pattern=omni tx_slant_deg=0 rx_slant_deg=0"

CHANNELS: dict[str, Entry] = {
    "rician": Entry(
        "phy.channels.fading:Rician", "line of sight and scatter", f"k_factor=2 {_FADING}"
    ),
    "rayleigh": Entry("phy.channels.fading:Rayleigh", "scatter alone", _FADING),
    "nakagami": Entry("phy.channels.nakagami:Nakagami", "Nakagami-m envelope", f"m=2 {_FADING}"),
    "awgn": Entry("phy.channels.fading:Awgn", "no fading"),
    "shadowed": Entry(
        "phy.channels.shadowing:Shadowed",
        "log-normal shadowing over any channel",
        "over=rician sigma_db=4 and what the other takes",
        over="rician",
    ),
    "gilbert-elliott": Entry(
        "phy.channels.gilbert_elliott:GilbertElliott",
        "bursts of a bad state over any channel",
        "over=awgn good_to_bad=0.01 bad_to_good=0.1 bad_db=-20 bandwidth_hz=W interval_s=T "
        "and what the other takes",
        over="awgn",
    ),
    "simo": Entry(
        "phy.channels.simo:Simo",
        "several receive antennas and maximum-ratio combining over any flat channel",
        "over=rician antennas=2 and what the other takes",
        over="rician",
    ),
    **{
        f"tdl-{model}": Entry(
            f"phy.ofdm.tdl:tdl_{model}", f"3GPP TDL-{model.upper()} over OFDM", _OFDM
        )
        for model in "abcde"
    },
    **{
        f"cdl-{model}": Entry(
            f"phy.ofdm.cdl:cdl_{model}",
            f"3GPP CDL-{model.upper()} over OFDM",
            f"{_OFDM} {_ANTENNAS}",
        )
        for model in "abcde"
    },
}

#: Source codecs, for codec=NAME of the schemes that send image files.
CODECS: dict[str, Entry] = {
    "jpeg": Entry("simulator.codecs.pillow_codecs:jpeg", "JPEG, 4:2:0, optimized Huffman tables"),
    "webp": Entry("simulator.codecs.pillow_codecs:webp", "WebP, lossy"),
    "avif": Entry("simulator.codecs.pillow_codecs:avif", "AVIF"),
}

#: Fields of `simulator.impairments.Impairments`, for --impair.
IMPAIRMENTS: dict[str, str] = {
    "csir_error": "variance of the error of the receiver's channel estimate [0]",
    "csir_pilot_gain_db": "instead: pilot SNR of the estimate over the data's SNR, in dB",
    "csit_offset_db": "how much the SNR has risen since it was measured, in dB [0]",
    "csit_step_db": "grid to which the measured SNR is rounded down, in dB [0: exact]",
    "feedback_error": "probability that a bit of the answer is flipped [0]",
    "feedback_delay": "slots until the answer is there [0]",
}

DATA: dict[str, str] = {
    "synthetic": "the embedded test split of rendered vehicles; needs nothing",
    "DIR": "a folder of images with labels.csv, labels.json, or a file-name pattern",
    "veri:DIR": "VeRi-776 in its published layout",
    "module:function": "a function of one's own (docs/extend.md)",
}


def find_target(kind: str, name: str, entries: Mapping[str, Entry]) -> str:
    """Where a thing is: a name of the catalog, an entry point, or "package.module:attribute".

    Raises:
        ValueError: One line with the nearest valid name.
    """
    if name in entries:
        return entries[name].target
    if ":" in name:
        return name
    theirs = installed(kind)  # looked up last: it reads the metadata of every installed package
    if name in theirs:
        return theirs[name]
    raise ValueError(f"unknown {kind} {name!r}: {nearest(name, [*entries, *theirs])}")


def resolve(kind: str, name: str, entries: Mapping[str, Entry]) -> Any:
    """The object behind a name of a catalog, an entry point or "package.module:Attribute".

    Raises:
        ValueError: One line with the nearest valid name, or with what cannot be imported.
    """
    return load(kind, name, find_target(kind, name, entries))


def construct(
    kind: str,
    name: str,
    entries: Mapping[str, Entry],
    arguments: dict[str, Any],
    known: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """Calls the object behind a name with arguments.

    A thing that takes an argument `over` goes over another of its kind, given by name, which gets
    the arguments that it does not take itself. A chain: over=simo/rician.

    Args:
        kind: What the messages call it.
        name: Which one.
        entries: The catalog.
        arguments: Its arguments.
        known: What the run knows already and a thing may ask for, unless `arguments` says
            otherwise: bandwidth_hz, for example.

    Raises:
        ValueError: One line that names the argument it does not take, with the nearest it does.
    """
    name, _, inner = name.partition("/") if name not in entries else (name, "", "")
    factory = resolve(kind, name, entries)
    if not callable(factory):
        raise ValueError(f"{kind} {name!r} is a {type(factory).__name__}, not a class")
    if name not in entries:
        check_declared(kind, name, factory)
    parameters = inspect.signature(factory).parameters
    if "over" in parameters:
        inner = inner or str(arguments.get("over", entries[name].over if name in entries else ""))
        if not inner:
            raise ValueError(f"{kind} {name} goes over another one: say which, over=NAME")
        theirs = {key: arguments[key] for key in arguments if key not in parameters}
        arguments = {key: arguments[key] for key in arguments if key in parameters}
        arguments["over"] = construct(kind, inner, entries, theirs, known)
    elif inner:
        raise ValueError(f"{kind} {name} goes over no other {kind}, {name}/{inner} is not allowed")
    for argument in arguments:
        if argument not in parameters:
            raise ValueError(
                f"{kind} {name} takes no argument {argument!r}: "
                + (nearest(argument, parameters) if parameters else "it takes none")
            )
    arguments = {**{key: known[key] for key in known if key in parameters}, **arguments}
    try:
        inspect.signature(factory).bind(**arguments)
    except TypeError as error:
        raise ValueError(f"{kind} {name}: {error}") from None
    with named_errors(kind, name):
        return factory(**arguments)
