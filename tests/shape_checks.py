"""Run-time checks of tensor shapes in the tests: jaxtyping's import hook with beartype.

The hook decorates the functions and dataclasses of the modules below as they are imported. Each call
then checks data types and shapes, and that axes of one name have one size:

    def rank(scores: Float[Tensor, "queries gallery"]) -> Int[Tensor, "queries gallery"]: ...

Only annotations that hold a shape are checked. All others are mypy's; checking them here too would
raise before the ValueError of a wrong argument, which is what many tests are about. Processes that a
test starts run without the hook.
"""

from dataclasses import is_dataclass
from functools import wraps
from pathlib import Path
from typing import Any, get_args

import jaxtyping
from beartype import BeartypeConf, beartype
from jaxtyping import AbstractArray, install_import_hook, jaxtyped

#: In it, axes of one name have one size.
SCOPE = jaxtyped("context")
#: What beartype raises.
WRONG = BeartypeConf(violation_type=TypeError)
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


def shapes_of(function: Any) -> dict[str, Any]:
    """The annotations of a function that hold a shape."""
    found = {}
    for name, hint in function.__annotations__.items():
        try:
            value = eval(hint, function.__globals__) if isinstance(hint, str) else hint
        except NameError:  # of a class that is made later, or for mypy alone
            continue
        if has_shape(value):
            found[name] = value
    return found


def checked(made: Any) -> Any:
    """Stands for jaxtyping's decorator, which the hook calls for each function and dataclass.

    That one makes and calls two more functions for each, shapes or not, and binds
    the arguments to their names: a sixth of the time of the tests.

    >>> from jaxtyping import Float
    >>> from torch import Tensor, ones
    >>> def dot(x: Float[Tensor, " n"], y: Float[Tensor, " n"], times: int = 1) -> Float[Tensor, ""]:
    ...     return times * x @ y
    >>> float(checked(dot)(ones(3), ones(3), times=2.0))
    6.0
    >>> checked(dot)(ones(3), ones(4))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    TypeError: ... as the size of dimension n is 4 which does not equal the existing value of 3.
    """
    if isinstance(made, classmethod | staticmethod):
        return type(made)(checked(made.__func__))
    if isinstance(made, property):
        return property(*(f and checked(f) for f in (made.fget, made.fset, made.fdel)))
    if isinstance(made, type):
        if is_dataclass(made):
            made.__init__ = checked(made.__init__)  # type: ignore[misc]
        return made
    shapes = shapes_of(made)
    if not shapes:
        return made
    written, made.__annotations__ = made.__annotations__, shapes
    inner = beartype(made, conf=WRONG)
    made.__annotations__ = written
    if any("{" in str(hint) for hint in shapes.values()):  # an axis as long as an argument says
        return jaxtyped(inner, typechecker=None)

    @wraps(made)
    def outer(*args: object, **kwargs: object) -> object:
        with SCOPE:
            return inner(*args, **kwargs)

    return outer


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
    jaxtyping.jaxtyped = lambda **options: checked
    install_import_hook(modules_with_shapes(), "beartype.beartype")
