"""Files that a user's own part first reads while a point is computed, too late for its identity.

Their hashes are kept beside the point, which is computed again when such a file has changed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from semantic.parts.files import Reading, file_hashes, refuse_other_content

LOG = logging.getLogger("simulator")
#: The entry of a stored identity for these files: SHA-256 by path. The hash of the identity, in the
#: file's name, does not contain it.
LATE_FILES = "late_files"

#: Files of which this process has warned.
_warned: set[str] = set()


@contextmanager
def late_reads(parts: str, known: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Records the files that the code in the body reads late, and warns once of each.

    Args:
        parts: Names of the parts. What they read late earlier in this process counts as well.
        known: SHA-256 by path of the files that the identity of the point contains.

    Yields:
        SHA-256 by path of the files that were read late; complete after the body.

    Raises:
        ValueError: One line, if the parts have another content of a file in their memory.
    """
    late = dict[str, str]()
    with Reading(part=f"late {parts}").active() as reading:
        yield late
    refuse_other_content(known)
    late.update(file_hashes(path for path in reading.seen if path not in known))
    refuse_other_content(late)
    for path in late.keys() - _warned:
        _warned.add(path)
        LOG.warning(
            "%s reads %s while it is used: a change of this file during a run is not noticed; "
            "declare it in `files`, see docs/extend.md",
            *(reading.seen[path], path),
        )


def changed_late_files(identity: Mapping[str, Any]) -> list[str]:
    """Returns one text for each file that was read late and has changed since then."""
    late = identity.get(LATE_FILES)
    if not isinstance(late, dict):
        return []
    now = {path: file_hashes([path])[path] for path in late if _is_file(path)}
    return [f"file {Path(path).name} has changed" for path in late if now.get(path) != late[path]]


def with_late_files(identity: dict[str, Any], late: Mapping[str, str]) -> dict[str, Any]:
    """Returns an identity as it is stored."""
    return {**identity, LATE_FILES: dict(late)} if late else identity


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # a text that cannot be a path
        return False
