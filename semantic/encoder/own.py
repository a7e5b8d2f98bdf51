"""An encoder network of the user's own, by its import string: `--backbone my_encoder:SmallCnn`."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from semantic.conventions import SEMANTIC_FEATURES
from semantic.parts.errors import message, place
from semantic.plugins import is_import_string, load

#: What can be in place of a class, for messages.
CONTRACT = "a subclass of torch.nn.Module, or a function annotated as -> nn.Module"


def is_own(name: str) -> bool:
    """Returns whether the name of a backbone is an import string, and not a network of timm.

    >>> [is_own(name) for name in ("densenet121", "timm:resnet50", "my_encoder:SmallCnn")]
    [False, False, True]
    """
    return is_import_string(name) and not name.startswith("timm:")


class OwnBackbone(nn.Module):
    """A network of the user's own, whose every output is checked.

    Args:
        name: Import string of a class or function without parameters that must be given.

    Raises:
        ValueError: One line, if the import or the call fails, or it makes no network.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        factory = load("backbone", name, name)
        if not makes_network(factory):
            what = "class" if inspect.isclass(factory) else type(factory).__name__
            raise ValueError(f"backbone {name!r} is a {what}, it must be {CONTRACT}")
        try:
            made = factory()
        except (Exception, SystemExit) as error:  # a user's code can raise anything
            raise self._failed("cannot be made", error) from error
        if not isinstance(made, nn.Module):
            raise ValueError(
                f"backbone {name!r} made a {type(made).__name__}, not a torch.nn.Module"
            )
        if not any(True for _ in made.parameters()):
            raise ValueError(f"backbone {name!r} has no parameters, so that nothing can be trained")
        self.network = made

    def forward(self, x: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch N"]:
        """Returns s of normalized images.

        Raises:
            ValueError: One line, if the network fails, or returns anything but a row of 1024
                floating-point numbers for each image.
        """
        try:
            s = self.network(x)
        except Exception as error:
            raise self._failed(f"failed on images {[*x.shape]}", error) from error
        if isinstance(s, Tensor) and s.is_floating_point():
            if s.shape == (len(x), SEMANTIC_FEATURES):
                return s
            found = f"{s.dtype} {[*s.shape]}".removeprefix("torch.")
        else:
            found = f"a {type(s).__name__}" if not isinstance(s, Tensor) else str(s.dtype)
        raise ValueError(
            f"backbone {self.name!r} gave {found} for images {[*x.shape]}, it must give float32 "
            f"[{len(x)}, {SEMANTIC_FEATURES}]"
        )

    def _failed(self, what: str, error: BaseException) -> ValueError:
        text = f"{type(error).__name__}: {message(error)}{place(error)}"
        return ValueError(f"backbone {self.name!r} {what}: {text}")


def makes_network(factory: Any) -> bool:
    """Returns whether an object declares that it makes a network: "os:system" is never called.

    >>> makes_network(nn.ReLU), makes_network(print)
    (True, False)
    """
    if inspect.isclass(factory):
        return issubclass(factory, nn.Module)
    said = getattr(factory, "__annotations__", {}).get("return")
    if isinstance(said, str):  # `from __future__ import annotations`
        module = sys.modules.get(getattr(factory, "__module__", ""))
        scope = {"nn": nn, "torch": torch, **vars(module)} if module else {}
        for part in said.split("."):
            said = scope.get(part) if isinstance(said, str) else getattr(said, part, None)
    return inspect.isclass(said) and issubclass(said, nn.Module)
