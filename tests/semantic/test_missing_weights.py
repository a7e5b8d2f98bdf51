"""The message about weights that are not there."""

from pathlib import Path

import pytest

from semantic.weights.files import WeightsError
from semantic.weights.stored import weights_path


def test_weights_that_the_package_has_are_named(tmp_path: Path) -> None:
    """Weights of a scheme of one's own lie alone: the message says how semharq runs beside it."""
    elsewhere = "a run of its own without --weights takes the package's"
    for name, expected in {"semharq": True, "smsc-stc": False, "encoder": False}.items():
        with pytest.raises(WeightsError, match=f"no weights for '{name}'") as caught:
            weights_path(str(tmp_path), name)
        assert (elsewhere in str(caught.value)) is expected
