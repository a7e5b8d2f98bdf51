"""A run on a real terminal that is ended from outside: the cursor, which the bar hides, is shown."""

import os
import pty
import re
import select
import signal
import sys
import time
import weakref
from pathlib import Path

import click
import pytest
from run_processes import forked

from simulator.commands.user_errors import Commands

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("processes")]

HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"


def read_until(master: int, wanted: bytes, seconds: float) -> bytes:
    """Reads a terminal until it has shown something, or until its program has ended."""
    found, end = b"", time.monotonic() + seconds
    while wanted not in found and time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            try:
                found += os.read(master, 65536)
            except OSError:  # the other side is closed
                break
    return found


@pytest.mark.parametrize(
    ("sent", "code", "word", "delay_s"),
    [
        (signal.SIGTERM, 143, b"terminated", 0.0),
        (signal.SIGTERM, 143, b"terminated", 0.01),
        (signal.SIGTERM, 143, b"terminated", 0.7),
        (signal.SIGINT, 130, b"interrupted", 0.3),
    ],
)
def test_the_cursor_is_shown_again(
    sent: signal.Signals, code: int, word: bytes, delay_s: float, tiny_weights: Path,
    folder_data: Path, tmp_path: Path,
) -> None:  # fmt: skip
    master, slave = pty.openpty()
    words = ["--scheme", "perfect", "--snr", "0", "--seeds", "20000", "--engine", "inline"]
    words += ["--data", str(folder_data), "--weights", str(tiny_weights)]
    words += ["--out", str(tmp_path / "out")]
    run = forked(words, os.ttyname(slave), TERM="xterm", COLUMNS="100")
    try:
        shown = read_until(master, HIDE, 120)
        assert HIDE in shown, shown
        time.sleep(delay_s)
        assert run.pid is not None
        os.kill(run.pid, sent)
        os.close(slave)
        shown += read_until(master, b"no such text", 60)
        run.join(60)
        assert run.exitcode == code, shown[-2000:]
    finally:
        run.kill()
        os.close(master)
    assert word in shown
    assert re.findall(rb"\x1b\[\?25[lh]", shown)[-1] == SHOW
    assert b"Traceback" not in shown


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_that_python_ignores_comes_again(
    sent: signal.Signals, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """It arrives in the callback of a weak reference, whose errors Python ignores."""

    class Thing:
        """Something that a weak reference can name."""

    @click.command
    def lose() -> None:
        thing = Thing()
        reference = weakref.ref(thing, lambda _: signal.raise_signal(sent))
        del thing
        assert reference() is None
        time.sleep(20)
        raise AssertionError("the signal is lost")

    commands = Commands(commands={"lose": lose})
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" ignores it
    try:
        with pytest.raises(SystemExit) as end:
            commands.main(["lose"])
    finally:
        signal.signal(signal.SIGINT, before)
    assert end.value.code == code
    assert "ignored" not in capfd.readouterr().err
    assert sys.unraisablehook.__module__ != Commands.__module__
