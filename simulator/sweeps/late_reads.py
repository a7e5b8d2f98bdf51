"""Warns of files that a user's own part first reads while a point is computed, too late to count."""

from __future__ import annotations

import logging
from collections.abc import Container, Iterator
from contextlib import contextmanager

from semantic.parts.files import Reading

LOG = logging.getLogger("simulator")

#: Files of which this process has warned.
_warned: set[str] = set()


@contextmanager
def late_reads(known: Container[str]) -> Iterator[None]:
    """Warns once of each file that the code in the body reads and that is not known.

    Args:
        known: Paths of the files that the identity of the point contains.
    """
    with Reading().active() as late:
        yield
    for path, module in late.seen.items():
        if path not in known and path not in _warned:
            _warned.add(path)
            LOG.warning(
                "%s reads %s while it is used: a change of this file is not noticed; "
                "declare it in `files`, see docs/extend.md",
                *(module, path),
            )
