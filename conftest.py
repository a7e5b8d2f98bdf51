"""Rules for every test, doctests of the packages included. The shared fixtures are in tests/conftest.py.

- Annotated tensor shapes are checked at every call.
- A unit test starts no process and does not use the shipped weights; `integration` tests may.
- No test sees a GPU, except with SEMHARQ_TEST_GPU=1.
- torch has one thread, and all pytest-xdist workers have one cache directory.
- pytest-xdist gives the tests of a file, and those of an xdist_group, to one worker: what they
  share is made once. Groups are the longest and come first.
- The garbage collector does not look at what the collection of the tests has made.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
import shape_checks

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadGroupScheduling

# Both stand here and not in a fixture because they act on what is imported after them. The tensors of
# the tests are small and pytest-xdist shares the cores out: more threads of torch only cost time.
# numba keeps its threads, so that its parallel loops are tested as what they are.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # waiting threads leave the cores to others
# The tests mean the same on every machine. `make gpu` runs those of a GPU, and sets the variable.
if os.environ.get("SEMHARQ_TEST_GPU") != "1":
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
# For the processes that start after this line, pytest-xdist's workers among them. glibc would give each
# large tensor back to the system, which clears its pages for the next one: a tenth of all the time.
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**30))
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**30))
shape_checks.install()
gc.disable()  # until the tests are collected


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keeps the garbage collector off half a million objects that live as long as the session.

    It would visit them 17 times while they are made, a third of the time of the collection, and
    again and again while the tests run.
    """
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadGroupScheduling | None:
    """Lets `--dist loadgroup` keep files together, too."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    class FilesAndGroups(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return super()._split_scope(nodeid).partition("::")[0]

    config.option.loadscopereorder = False  # it would put the scopes with most tests first
    return FilesAndGroups(config, log)


@pytest.fixture(scope="session", autouse=True)
def cache_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keeps the user's cache out of the tests.

    All xdist workers share one directory: what one has computed, the others read. The cache is
    made for several processes, so that it needs no lock here.
    """
    base = tmp_path_factory.getbasetemp()
    path = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    path.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMHARQ_CACHE", str(path))
        yield path


def refuse(*_: object, **__: object) -> NoReturn:
    """Stands for the start of a process while a unit test runs."""
    raise AssertionError("a unit test starts a process: mark it pytest.mark.integration")


@pytest.fixture(autouse=True)
def unit_test_rules(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps processes and shipped weights out of the tests that `make check` runs."""
    if request.node.get_closest_marker("integration") is None:
        monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
        monkeypatch.setattr(BaseProcess, "start", refuse)
        if "semantic.weights.stored" in sys.modules:
            refused = Path("shipped weights in a unit test: mark it pytest.mark.integration")
            monkeypatch.setattr("semantic.weights.stored.PRETRAINED", refused)
