"""The attributes of the built-in schemes: in the class body or in `__init__`, never a property."""

import importlib
import inspect
from pathlib import Path

import pytest

import simulator.schemes
from simulator.scheme import Scheme

ATTRIBUTES = [name for name in inspect.get_annotations(Scheme) if not name.startswith("_")]
MODULES = [path.stem for path in Path(simulator.schemes.__path__[0]).glob("*.py")]
CLASSES = {
    found
    for module in MODULES
    for found in vars(importlib.import_module(f"simulator.schemes.{module}")).values()
    if inspect.isclass(found) and issubclass(found, Scheme)
}


def test_the_contract_has_its_attributes_and_the_package_its_schemes() -> None:
    assert "open_loop" in ATTRIBUTES
    assert len(CLASSES) > 8


@pytest.mark.parametrize("scheme", sorted(CLASSES, key=lambda c: c.__name__))
def test_an_attribute_of_a_scheme_is_a_plain_value(scheme: type[Scheme]) -> None:
    for name in ATTRIBUTES:
        value = inspect.getattr_static(scheme, name)
        assert not hasattr(type(value), "__get__"), f"{scheme.__name__}.{name} is computed"
