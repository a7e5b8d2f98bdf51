"""Weights files: their content, their place, their format."""

from typing import TYPE_CHECKING

from semantic.old_paths import renamed

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:  # old names, for one release
        return renamed(__name__, name)
