"""The built-in schemes: name, builder, summary, arguments. The only list of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from semantic.link.protocol import CONTROLS, LEARNED, SINGLE_TASK, LearnedScheme
from semantic.plus.variants import PLUS, VARIANTS, PlusVariant
from simulator.arguments import Argument, Arguments, declarations
from simulator.plus_arguments import FeatureJsccFArguments, PlusHybridArguments
from simulator.renamed import current_names
from simulator.scheme_arguments import (
    ADAPTIVE,
    DeepJsccArguments,
    DigitalFeaturesArguments,
    DigitalVqArguments,
    ImageFileArguments,
    NoArguments,
    SemanticHarqArguments,
    SemharqPlusArguments,
    SingleTaskArguments,
)


@dataclass(frozen=True)
class SchemeEntry:
    """A built-in scheme.

    Attributes:
        target: "package.module:attribute" of its builder, a function (networks, name, arguments).
        summary: One line for `simulate list`.
        defaults: Its arguments with their defaults for this scheme.
        fixed: Arguments that this scheme does not take; its default is then its only value.
    """

    target: str
    summary: str
    defaults: Arguments = field(default_factory=NoArguments)
    fixed: frozenset[str] = frozenset()

    @property
    def declared(self) -> dict[str, Argument]:
        """The arguments that it takes, by name, each with the default of this scheme."""
        return {
            name: replace(argument, default=getattr(self.defaults, name))
            for name, argument in declarations(type(self.defaults)).items()
            if name not in self.fixed
        }

    @property
    def line(self) -> str:
        """Summary and arguments."""
        arguments = " ".join(
            f"{name}={_text(argument.default)}" for name, argument in self.declared.items()
        )
        return f"{self.summary} [{arguments}]" if arguments else self.summary


def _text(value: Any) -> str:
    """A default as it is written after NAME=."""
    return f"{value:g}" if isinstance(value, (bool, int, float)) else str(value)


def _learned(name: str, scheme: LearnedScheme) -> SchemeEntry:
    """The entry of a learned scheme: only HARQ has a criterion, only FIR has an importance."""
    fixed = set() if scheme.protocol.transmissions == "harq" else {"theta_0_db", "ratio"}
    if scheme.protocol.order != "importance":
        fixed |= {"importance", "positions"}
    if not scheme.baseline:
        fixed.add("link")
    builder = f"simulator.setup.learned:{'semantic_harq' if scheme.weights is None else 'control'}"
    return SchemeEntry(builder, scheme.summary, SemanticHarqArguments(), frozenset(fixed))


def _plus(name: str, variant: PlusVariant) -> SchemeEntry:
    """The entry of a scheme of the semharq-plus family: a control fixes what it is made for."""
    if variant.hybrid:
        builder = "simulator.setup.learned:plus_hybrid"
        return SchemeEntry(builder, variant.summary, PlusHybridArguments())
    bits, bursts = variant.feedback[-1]
    defaults = SemharqPlusArguments(
        estimate_bits=bits,
        bursts_per_slot=bursts,
        order=variant.order,
        one_burst=variant.one_burst,
    )
    fixed = set() if name == PLUS else {"order", "one_burst", "estimate_bits", "bursts_per_slot"}
    if variant.one_burst:
        fixed.add("theta_0_db")
    builder = "simulator.setup.learned:semharq_plus"
    return SchemeEntry(builder, variant.summary, defaults, frozenset(fixed))


_IMAGE_FILE = "simulator.setup.coded:image_file"
_ONE_SHOT = frozenset({"harq", "rv_order", "combining", "retransmission", "groups", "target_bler"})

SCHEMES: dict[str, SchemeEntry] = {
    **{name: _learned(name, scheme) for name, scheme in (LEARNED | CONTROLS).items()},
    **{name: _plus(name, variant) for name, variant in VARIANTS.items()},
    "feature-jscc-f": SchemeEntry(
        "simulator.setup.learned:feature_jscc_f",
        "learned bursts of s and of the channel outputs, which the receiver feeds back",
        FeatureJsccFArguments(),
    ),
    SINGLE_TASK: SchemeEntry(
        "simulator.setup.learned:single_task",
        "SMSC-FIR with three single-task networks side by side",
        SingleTaskArguments(),
    ),
    "jpeg-ldpc-bpsk": SchemeEntry(
        _IMAGE_FILE,
        "image file, 5G LDPC 3/4, BPSK, one shot",
        ImageFileArguments(modulation="bpsk", harq=False),
        _ONE_SHOT,
    ),
    "jpeg-ldpc-16qam-harq": SchemeEntry(
        _IMAGE_FILE,
        "image file, 5G LDPC 3/4, 16-QAM, incremental-redundancy HARQ",
        ImageFileArguments(),
        frozenset({"target_bler"}),
    ),
    "conventional-amc": SchemeEntry(
        _IMAGE_FILE,
        "image file, adaptive modulation and coding by channel statistics, HARQ",
        ImageFileArguments(codec="webp", modulation=ADAPTIVE, rate=ADAPTIVE, base_graph="auto"),
        frozenset({"modulation", "rate"}),
    ),
    "digital-features": SchemeEntry(
        "simulator.setup.coded:digital_features",
        "SemHARQ's features, quantized, with adaptive LDPC and QAM and HARQ",
        DigitalFeaturesArguments(modulation=ADAPTIVE, rate=ADAPTIVE, base_graph="auto"),
        frozenset({"harq"}),
    ),
    "digital-vq": SchemeEntry(
        "simulator.setup.coded:digital_vq",
        "vector-quantized features, sent by short codes in slots of B uses",
        DigitalVqArguments(),
    ),
    "deepjscc": SchemeEntry(
        "simulator.setup.learned:deepjscc",
        "the whole image as analog latent values of a convolutional autoencoder, one shot",
        DeepJsccArguments(),
    ),
    "perfect": SchemeEntry("simulator.setup.learned:perfect", "no channel: the upper bound"),
}


def read_arguments(
    schemes: tuple[str, ...], arguments: tuple[tuple[str, Any], ...]
) -> tuple[tuple[str, Any], ...]:
    """Returns a run's scheme arguments under their current names, in their declared types.

    Only the built-in schemes declare types here. What only a user's own scheme takes is left as it
    is, and read when that scheme is built (`simulator.setup.schemes`).

    Args:
        schemes: Schemes of the run.
        arguments: (name, value) pairs; a value may be text.

    Raises:
        ValueError: One line, for a value that a scheme which takes the argument does not allow.

    >>> read_arguments(("semharq",), (("equaliser", "zf"), ("theta_0_db", "2")))
    (('equalizer', 'zf'), ('theta_0_db', 2.0))
    """
    entries = {name: SCHEMES[name] for name in schemes if name in SCHEMES}
    known = {argument for entry in entries.values() for argument in entry.declared}
    found = dict(current_names("scheme argument", arguments, known))
    if isinstance(found.get("rv_order"), int) and "rv_order" in known:
        found["rv_order"] = f"{found['rv_order']:04}"  # an earlier release wrote 0231 as a number
    for name, entry in entries.items():
        given = {argument: found[argument] for argument in entry.declared if argument in found}
        try:
            read = entry.defaults.given(given)
        except ValueError as error:
            raise ValueError(f"scheme {name}: {error}") from None
        found.update({argument: getattr(read, argument) for argument in given})
    return tuple(found.items())
