"""What many tests of the simulator share, and what spares them work that they do not look at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from random_weights import write_random_weights


@pytest.fixture(scope="session")
def all_weights(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a directory of random weights for every learned scheme; tests do not write to it."""
    root = tmp_path_factory.mktemp("all-weights")
    return write_random_weights(tiny_weights / "encoder.safetensors", root)


@pytest.fixture
def ink_for(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Takes the names of the figures whose content is looked at; the files of all others are empty.

    Each takes a second.
    """
    draw, names = Figure.savefig, set[str]()

    def savefig(figure: Figure, path: Path, **options: Any) -> None:
        # It is .NAME.RANDOM.png until it is whole.
        name = Path(path).name.removeprefix(".").partition(".")[0] + Path(path).suffix
        if name in names:
            draw(figure, path, **options)
        else:
            Path(path).touch()

    monkeypatch.setattr(Figure, "savefig", savefig)
    return lambda *given: names.update(given)


@pytest.fixture
def no_ink(ink_for: Callable[..., None]) -> None:
    """Leaves the files of all figures empty."""
