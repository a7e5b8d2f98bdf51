"""The start of the command line: `simulate`, or `python -m simulator`.

The imports of the command line take a moment. Ctrl-C in that moment ends the program at once: an
imported package may catch the exception with a bare `except`, and the program would go on.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn


def main() -> None:
    """Runs the command line."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        from simulator.cli import main as command_line

        command_line()
    except KeyboardInterrupt:
        _leave()  # the imports are half done: nothing is there to be closed


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """Ends the program if the signal comes during an import; else raises as Python does."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            _leave()
        frame = frame.f_back
    raise KeyboardInterrupt


def _leave() -> NoReturn:
    cursor = "\x1b[?25h" if sys.__stderr__ is not None and sys.__stderr__.isatty() else ""
    sys.stderr.write(f"{cursor}simulate: interrupted\n")
    sys.stderr.flush()
    os._exit(130)


if __name__ == "__main__":
    main()
