"""The start of the command line: `simulate`, or `python -m simulator`.

The imports of the command line take a moment. Ctrl-C in that moment ends the program as later on.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Runs the command line."""
    try:
        from simulator.cli import main as command_line

        command_line()
    except KeyboardInterrupt:
        sys.stderr.write("simulate: interrupted\n")
        sys.stderr.flush()
        os._exit(130)  # the imports are half done: nothing is there to be closed


if __name__ == "__main__":
    main()
