"""The message about weights that are not there."""

from pathlib import Path

import pytest

import semantic.weights.stored
from semantic.weights.files import WeightsError
from semantic.weights.stored import weights_path


def test_weights_that_the_package_has_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights of a scheme of one's own lie alone: the message says how semharq runs beside it."""
    package = tmp_path / "package"
    package.mkdir()
    monkeypatch.setattr(semantic.weights.stored, "PRETRAINED", package)
    for name in ("semharq", "encoder"):
        (package / f"{name}.safetensors").touch()
    elsewhere = "a run of its own without --weights takes the package's"
    for name, expected in {"semharq": True, "smsc-stc": False, "encoder": False}.items():
        with pytest.raises(WeightsError, match=f"no weights for '{name}'") as caught:
            weights_path(str(tmp_path / "mine"), name)
        assert (elsewhere in str(caught.value)) is expected
    (package / "semharq.safetensors").unlink()
    with pytest.raises(WeightsError) as caught:
        weights_path(None, "semharq")
    assert elsewhere not in str(caught.value)
