"""Shows doctests of docstrings as code on the site; an extension of griffe, which reads them."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

DOCTEST = re.compile(r"^( *)>>> .*(?:\n *\S.*)*", re.MULTILINE)


def fenced(text: str) -> str:
    """Returns a docstring with a fence around every doctest, each of which ends at a blank line."""
    return DOCTEST.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", text)


class DoctestsAsCode(Extension):
    """Puts a fence around the doctests of every object."""

    def on_object(self, *, obj: Object, **rest: Any) -> None:
        """Changes the docstring of an object; griffe calls it."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
