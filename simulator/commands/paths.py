"""Files and directories among the options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class FileOrDirectory(click.Path):
    """A path that has a name: the empty text would be the current directory."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Returns the path of a text.

        Raises:
            click.BadParameter: For the empty text.
        """
        if value == "":
            self.fail("'' is no path, it must be a file or directory such as runs/a", param, ctx)
        return super().convert(value, param, ctx)


PATH = FileOrDirectory()
