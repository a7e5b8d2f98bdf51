"""Every error of a user, and of the user's machine, is one line and exit code 2."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

import click

from simulator.renamed import shown_on_stderr

#: Exit codes: an error of the user, Ctrl-C, SIGTERM, and output that nobody reads (128 + signal).
USER_ERROR, INTERRUPTED, TERMINATED, UNREAD = 2, 130, 143, 141
#: Seconds after which a signal that was ignored is sent again.
AGAIN_S = 0.01


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM, e.g. by a scheduler whose time is up."""


class Commands(click.Group):
    """A group of commands. Every error of the user is one line and exit code 2."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Runs a command."""
        os.environ["MPLBACKEND"] = "Agg"  # that of a notebook need not be installed here
        before = _on_sigterm(_terminate)
        try:
            with shown_on_stderr(), interruptions_not_ignored():
                return super().main(*args, **{**options, "standalone_mode": False})
        except KeyboardInterrupt as error:
            show_cursor()
            _fail(*ending(error))
        except click.Abort as error:  # made by click of Ctrl-C, and of SIGTERM
            show_cursor()
            _fail(*ending(error.__cause__))
        except Exception as error:
            problem = in_one_line(error)
            if problem is None:
                raise
            _fail(problem, USER_ERROR)
        finally:
            _on_sigterm(before)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command, and ends without a word if nobody reads the output any more."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _leave_closed_pipe()
        return result


def ending(error: BaseException | None) -> tuple[str, int]:
    """Returns the word and the exit code for the end of a program from outside.

    >>> ending(KeyboardInterrupt()), ending(Terminated())
    (('interrupted', 130), ('terminated', 143))
    """
    if isinstance(error, Terminated):
        return "terminated", TERMINATED
    return "interrupted", INTERRUPTED


@contextmanager
def interruptions_not_ignored() -> Iterator[None]:
    """Sends Ctrl-C and SIGTERM again where Python ignores them.

    Their handlers raise wherever the program is. Errors in the callback of a weak reference and in a
    destructor are reported and ignored: the program would go on.
    """
    before = sys.unraisablehook

    def hook(ignored: sys.UnraisableHookArgs) -> None:
        if not issubclass(ignored.exc_type, KeyboardInterrupt):
            before(ignored)
            return
        number = signal.SIGTERM if issubclass(ignored.exc_type, Terminated) else signal.SIGINT
        again = threading.Timer(AGAIN_S, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def show_cursor() -> None:
    """Shows the cursor of a terminal, which a progress bar hides, after an end at any moment."""
    with suppress(OSError, ValueError):
        stderr = sys.__stderr__  # a progress bar may stand in the place of sys.stderr
        if stderr is not None and stderr.isatty():
            stderr.write("\x1b[?25h")
            stderr.flush()


def in_one_line(error: Exception) -> str | None:
    """Returns the message for an error of the user or of the machine; None for another error."""
    if isinstance(error, click.ClickException):
        problem = error.format_message()
        if not getattr(error, "possibilities", True):  # an unknown name that resembles no known one
            problem += " `simulate --help` lists commands and options."
    elif isinstance(error, OSError) and error.errno is not None:
        problem = _of_system(error)
    elif isinstance(error, RecursionError):
        problem = "a file or a value is nested too deeply"
    elif isinstance(error, MemoryError):
        problem = "there is not enough memory; choose a smaller --batch-size, T or W"
    elif isinstance(error, ValueError):
        problem = str(error)
    else:
        return None
    return " ".join(problem.split())


def _of_system(error: OSError) -> str:
    reason = error.strerror or os.strerror(error.errno or 0)
    if error.filename is None and error.errno == errno.ENOENT:
        return "the current directory does not exist any more: change to another one"
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    return f"{' and '.join(names)}: {reason}" if names else reason


def _fail(problem: str, code: int) -> NoReturn:
    click.echo(f"simulate: {problem}", err=True)
    sys.exit(code)


def _leave_closed_pipe() -> NoReturn:
    """Ends as other programs do when `head` has read enough: without a word."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(UNREAD)


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise Terminated


def _on_sigterm(handler: Any) -> Any:
    """Sets the handler of SIGTERM, which only the main thread can; returns the one before."""
    if handler is None or threading.current_thread() is not threading.main_thread():
        return None
    return signal.signal(signal.SIGTERM, handler)
