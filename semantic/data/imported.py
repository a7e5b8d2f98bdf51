"""Data sets that users write: a function of the split, by import string or entry point."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from semantic.data.dataset import Split, VehicleImages
from semantic.parts.errors import message, place
from semantic.plugins import installed, is_import_string, load


def find_opener(spec: str) -> Callable[[Split], VehicleImages] | None:
    """The function behind an entry point's name or "package.module:function"; None if it is neither.

    Raises:
        ValueError: One line, when it cannot be imported or cannot be called with a split; what is
            returned raises it for a function that fails or returns anything else.
    """
    target = installed("data set").get(spec, spec if is_import_string(spec) else None)
    if target is None:
        return None
    function = load("data set", spec, target)
    try:
        signature = inspect.signature(function)
        signature.bind("test")
        declared = str(signature.return_annotation).strip("'").endswith("VehicleImages")
        if not declared and next(iter(signature.parameters)) != "split":
            raise TypeError  # e.g. os:system, which also takes a text: it must not be called
    except (TypeError, ValueError):
        raise ValueError(
            f"data set {spec!r} must be a function of the split, 'test' or 'train'"
        ) from None

    def opener(split: Split) -> VehicleImages:
        try:
            images: Any = function(split)
            if isinstance(images, VehicleImages):
                images = replace(images)  # the function may keep its own, with hashes of old files
        except (Exception, SystemExit) as error:  # a user's function can raise anything
            what = f"{type(error).__name__}: {message(error)}"
            raise ValueError(
                f"data set {spec!r} failed for the split {split!r}: {what}{place(error)}"
            ) from error
        if not isinstance(images, VehicleImages):
            raise ValueError(
                f"data set {spec!r} gave a {type(images).__name__}, "
                "it must be a semantic.data.dataset.VehicleImages"
            )
        return images

    return opener
