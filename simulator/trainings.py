"""Which directories of weights are several trainings of the same networks."""

from __future__ import annotations

from pathlib import Path

#: The file without which a directory holds no training.
ENCODER = "encoder.safetensors"


def training_directories(weights: tuple[str, ...]) -> tuple[str, ...]:
    """The directories of the trainings that `--weights` names.

    Args:
        weights: Directories of weights, or one directory whose sub-directories hold weights.

    Returns:
        Several directories, or () when these are the weights of one training.

    Raises:
        ValueError: When one of several directories holds no weights.
    """
    if len(weights) == 1:
        above = Path(weights[0])
        if not above.is_dir() or (above / ENCODER).exists():
            return ()
        weights = tuple(str(path.parent) for path in sorted(above.glob(f"*/{ENCODER}")))
        return weights if len(weights) > 1 else ()
    for number, directory in enumerate(weights):
        if not (Path(directory) / ENCODER).exists():
            raise ValueError(
                f"{Path(directory) / ENCODER} does not exist: each of several --weights is the "
                "directory of one training"
            )
        if Path(directory).resolve() in [Path(other).resolve() for other in weights[:number]]:
            raise ValueError(f"--weights {directory} is given twice")
    return weights
