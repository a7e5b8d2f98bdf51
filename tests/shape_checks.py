"""Run-time checks of tensor shapes in the tests: jaxtyping's import hook with beartype.

The hook decorates the functions and dataclasses of the modules below as they are imported. Each call
then checks data types and shapes, and that axes of one name have one size:

    def rank(scores: Float[Tensor, "queries gallery"]) -> Int[Tensor, "queries gallery"]: ...

Only annotations that hold a shape are checked. All others are mypy's; checking them here too would
raise before the ValueError of a wrong argument, which is what many tests are about. Processes that a
test starts run without the hook.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from beartype import beartype
from jaxtyping import AbstractArray, install_import_hook

ROOT = Path(__file__).parents[1]


def has_shape(hint: object) -> bool:
    """Whether a shape stands in an annotation, alone or inside a tuple, a list or a union.

    >>> from jaxtyping import Float
    >>> from torch import Tensor
    >>> has_shape(tuple[Float[Tensor, "batch d"], int] | None), has_shape(Tensor)
    (True, False)
    """
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return True
    return any(has_shape(part) for part in get_args(hint))


def checked(signature: Callable[..., Any]) -> Callable[..., Any]:
    """Makes beartype check the shapes.

    Args:
        signature: What jaxtyping passes: an empty function made for this purpose, with the
            parameters and annotations of the one to be checked.
    """
    hints = signature.__annotations__
    signature.__annotations__ = {name: hint for name, hint in hints.items() if has_shape(hint)}
    return beartype(signature)


def modules_with_shapes() -> list[str]:
    """Names of the modules that annotate shapes.

    Modules with functions that numba compiles are left out: it cannot compile the checks.
    """
    found = []
    for package in ("phy", "semantic", "simulator"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if "from jaxtyping" in text and "from numba" not in text:
                found.append(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return found


def install() -> None:
    """Checks the shapes in all modules that are imported from now on."""
    install_import_hook(modules_with_shapes(), "shape_checks.checked")
