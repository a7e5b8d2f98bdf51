"""Ctrl-C and SIGTERM wait for the end of a training step, so that a checkpoint can be saved."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_between_steps() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Defers signals that end the process; a second signal acts at once.

    Signals that the process ignores stay ignored. Outside of the main thread nothing is changed.

    Yields:
        A function to be called after each step. If a signal has come, it calls its argument, which
        saves a checkpoint, and then ends the process as the signal would have done.

    >>> with signals_between_steps() as end_of_step:
    ...     end_of_step(lambda: print("saved"))
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda save: None
        return
    found = {int(number): signal.getsignal(number) for number in SIGNALS}
    before = {number: handler for number, handler in found.items() if handler != signal.SIG_IGN}
    came: list[tuple[int, FrameType | None]] = []

    def restore() -> None:
        for number, handler in before.items():
            # None is a handler that was not installed from Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def defer(number: int, frame: FrameType | None) -> None:
        came.append((number, frame))
        restore()

    def end_of_step(save: Callable[[], None]) -> None:
        if not came:
            return
        save()
        number, frame = came.pop()
        handler = before[number]
        if callable(handler):
            handler(number, frame)
        else:
            os.kill(os.getpid(), number)

    for number in before:
        signal.signal(number, defer)
    try:
        yield end_of_step
    finally:
        restore()
