"""The options of `simulate train` that change the training of the links."""

from __future__ import annotations

from dataclasses import dataclass, replace

from semantic.link.buffer import BUFFERS
from semantic.suggest import nearest
from simulator.setup.channel import open_channel
from simulator.spec_fields import read_field
from simulator.training.presets import Preset


@dataclass(frozen=True)
class LinkOptions:
    """Reading, channel and seed of the links, as the command line gives them.

    Attributes:
        reading: Options of the reading by name.
        channel: Channel in training; None for that of the preset.
        channel_args: Its arguments.
        fading: Its argument `fading`; None if not given.
        seed: Seed of the training of the links; None for that of the encoder.
    """

    reading: tuple[tuple[str, str], ...] = ()
    channel: str | None = None
    channel_args: tuple[tuple[str, object], ...] = ()
    fading: str | None = None
    seed: int | None = None


#: The options of a preset.
NO_LINK_OPTIONS = LinkOptions()


def adapted(
    preset: Preset,
    seed: int,
    backbone: str,
    snr_db: float | None,
    buffer: str | None,
    link_steps: int | None,
    options: LinkOptions = NO_LINK_OPTIONS,
) -> Preset:
    """Returns the preset with the changes of the command line.

    >>> from simulator.training.presets import presets
    >>> options = LinkOptions(seed=3)
    >>> preset = adapted(presets(1000)["synthetic"], 0, "densenet121", None, None, None, options)
    >>> preset.encoder.seed, preset.link.seed
    (0, 3)

    Raises:
        ValueError: For an unknown buffer, reading or channel, or a value that is not allowed.
    """
    if buffer is not None and buffer not in BUFFERS:
        raise ValueError(f"unknown buffer {buffer!r}: {nearest(buffer, BUFFERS)}")
    if snr_db is not None:
        read_field("snr_db", [snr_db])
    snr_range_db = preset.link.snr_db if snr_db is None else (snr_db, snr_db)
    preset = replace(
        preset,
        buffer=preset.buffer if buffer is None else buffer,
        encoder=replace(preset.encoder, seed=seed, backbone=backbone),
        link=replace(
            preset.link,
            seed=seed if options.seed is None else options.seed,
            snr_db=snr_range_db,
            selected_steps=preset.link.selected_steps if link_steps is None else link_steps,
        ),
        reading=preset.reading.given(dict(options.reading)),
    )
    return with_channel(preset, options)


def with_channel(preset: Preset, options: LinkOptions) -> Preset:
    """Returns the preset with another channel in the training of the links.

    Raises:
        ValueError: For an unknown channel, or an argument that it does not take or allow.
    """
    given = dict(options.channel_args)
    if options.fading is not None:
        given["fading"] = options.fading
    if options.channel is None:
        given = {**dict(preset.channel_args), **given}
    channel = options.channel or preset.channel
    preset = replace(preset, channel=channel, channel_args=tuple(sorted(given.items())))
    open_channel(preset.channel_spec)  # mistakes are found before any work
    return preset
