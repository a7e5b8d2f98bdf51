"""Signals wait for the end of a training step."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from semantic.training.interrupt import signals_between_steps


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def number(request: pytest.FixtureRequest) -> Iterator[int]:
    """A signal whose handler raises, as in the command line."""

    def handler(number: int, frame: object) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(request.param, handler)
    yield request.param
    signal.signal(request.param, before)


def test_the_step_is_finished_and_saved(number: int) -> None:
    seen: list[str] = []

    def train() -> None:
        with signals_between_steps() as end_of_step:
            for step in range(5):
                seen.append(f"begin {step}")
                if step == 2:
                    os.kill(os.getpid(), number)
                seen.append(f"end {step}")
                end_of_step(lambda at=step: seen.append(f"save {at}"))

    with pytest.raises(KeyboardInterrupt) as caught:
        train()
    assert caught.value.args == (number,)
    assert seen == ["begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2", "save 2"]


def test_a_second_signal_acts_at_once(number: int) -> None:
    seen: list[str] = []

    def train() -> None:
        with signals_between_steps():
            os.kill(os.getpid(), number)
            seen.append("goes on")
            os.kill(os.getpid(), number)
            seen.append("never")

    with pytest.raises(KeyboardInterrupt):
        train()
    assert seen == ["goes on"]


def test_handlers_are_restored(number: int) -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with signals_between_steps():
        assert signal.getsignal(number) not in before
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_other_threads_train_without_handlers() -> None:
    failures: list[BaseException] = []

    def train() -> None:
        try:
            with signals_between_steps() as end_of_step:
                end_of_step(lambda: failures.append(AssertionError("saved")))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert failures == []


def test_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with signals_between_steps() as end_of_step:
            os.kill(os.getpid(), signal.SIGINT)
            end_of_step(lambda: pytest.fail("nothing came"))
    finally:
        signal.signal(signal.SIGINT, before)
