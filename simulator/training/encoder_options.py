"""The options of `simulate train` that change the recipe of the encoder."""

from __future__ import annotations

from dataclasses import replace

from semantic.training.encoder import EncoderRecipe

#: Limits of a phase, far beyond any training: mistakes are found before work and memory are spent.
MOST_PIXELS, MOST_STEPS = 2048, 10**8


def encoder_recipe(
    recipe: EncoderRecipe,
    device: str,
    extra: bool,
    encoder_steps: str | None = None,
    batch_size: int | None = None,
    extra_vehicles: int | None = None,
    augmentation: str | None = None,
    precision: str = "auto",
) -> EncoderRecipe:
    """Returns the recipe of the encoder with the changes of the command line.

    Args:
        recipe: That of the preset.
        device: Torch device; "auto" computes in bfloat16 on CUDA devices.
        extra: Whether there are extra data.
        encoder_steps: Steps, or size:steps of each phase, as in "64:3600,96:1200".
        batch_size: Images in a batch, a multiple of the recipe's images of one vehicle.
        extra_vehicles: Vehicles of each batch that come from the extra data; a quarter if None.
        augmentation: "light" or "strong".
        precision: "auto", "fp32" or "bf16".

    Raises:
        ValueError: The options contradict each other.

    >>> encoder_recipe(EncoderRecipe(), "cpu", False, encoder_steps="2400").phases
    ((64, 1800), (96, 600))
    """
    if encoder_steps is not None:
        recipe = replace(recipe, phases=_phases(encoder_steps, recipe))
    if batch_size is not None:
        vehicles, rest = divmod(batch_size, recipe.images_per_vehicle)
        if rest or vehicles < 2:
            k = recipe.images_per_vehicle
            raise ValueError(
                f"--batch-size {batch_size} must be a multiple of {k}, from {2 * k} on; "
                f"nearest: {max(2, round(batch_size / k)) * k}"
            )
        recipe = replace(recipe, vehicles_per_batch=vehicles)
    if not extra and extra_vehicles is not None:
        raise ValueError("--extra-vehicles needs --extra-data")
    if extra:
        largest = recipe.vehicles_per_batch - 1
        wanted = (
            max(1, recipe.vehicles_per_batch // 4) if extra_vehicles is None else extra_vehicles
        )
        if wanted > largest:
            raise ValueError(f"--extra-vehicles {wanted} must be at most {largest} of a batch")
        recipe = replace(recipe, extra_vehicles=wanted)
    bf16 = precision == "bf16" or (precision == "auto" and device.startswith("cuda"))
    return replace(
        recipe,
        augmentation=augmentation or recipe.augmentation,
        precision="bf16" if bf16 else "fp32",
    )


def _phases(given: str, recipe: EncoderRecipe) -> tuple[tuple[int, int], ...]:
    """Reads --encoder-steps: a number is shared out as the recipe's phases are."""
    parts = [part.split(":") for part in given.split(",")]
    try:
        if len(parts) == 1 and len(parts[0]) == 1:
            share = int(given) / recipe.steps
            phases = tuple((size, round(steps * share)) for size, steps in recipe.phases)
        else:
            phases = tuple((int(size), int(steps)) for size, steps in parts)
    except (ValueError, OverflowError):
        phases = ()
    if not phases or any(
        not (32 <= size <= MOST_PIXELS and 1 <= steps <= MOST_STEPS) for size, steps in phases
    ):
        raise ValueError(
            f"--encoder-steps {given[:60]!r} must be a number of steps, or size:steps of each phase "
            f"with sizes from 32 to {MOST_PIXELS} pixels and at most {MOST_STEPS} steps, as in "
            "'64:3600,96:1200'"
        )
    return phases
