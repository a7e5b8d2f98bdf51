"""docs/newcomer.py: its commands are on the pages, its table on its page, and a step can be replayed."""

import re
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def newcomer() -> ModuleType:
    sys.path.append(str(DOCS))
    module = import_module("newcomer")
    sys.path.remove(str(DOCS))
    return module


def test_every_action_is_on_its_page(newcomer: ModuleType) -> None:
    for step in newcomer.STEPS:
        page, _, anchor = step.page.partition("#")
        text = (DOCS / page).read_text("utf-8")
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        assert anchor in {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in headings}
        assert len(newcomer.prepared(step)) == len(step.actions)


def test_what_no_page_shows_is_refused(newcomer: ModuleType) -> None:
    step = newcomer.STEPS[0]
    with pytest.raises(LookupError, match=r"does not show `simulate --scheme perfect`"):
        newcomer.prepared(replace(step, actions=("simulate --scheme perfect",)))
    with pytest.raises(LookupError, match="no block begins with 'import nothing'"):
        newcomer.prepared(replace(step, actions=("run.py: import nothing",)))


def test_the_table_of_the_page_has_the_steps_within_their_limits(newcomer: ModuleType) -> None:
    text = newcomer.PAGE.read_text("utf-8")
    rows = re.findall(r"^\|.*\|$", text.partition(newcomer.HEAD)[2], re.MULTILINE)
    assert len(rows) == len(newcomer.STEPS)
    for step, line in zip(newcomer.STEPS, rows, strict=True):
        *first, wall, processor = [cell.strip() for cell in line.strip("|").split("|")]
        expected = newcomer.row(step, newcomer.Took(1.0, 1.0)).strip("|").split("|")
        assert first == [cell.strip() for cell in expected[:-2]]
        assert 0 < seconds(wall) <= 60 * step.minutes
        assert seconds(processor) > 0


def seconds(text: str) -> float:
    """A time of the table in seconds.

    >>> seconds("4.3 s"), seconds("2 min 5 s")
    (4.3, 125.0)
    """
    minutes, _, rest = text.rpartition(" min ")
    return 60 * float(minutes or 0) + float(rest.removesuffix(" s"))


#: Replays the step "image", then again with a result that it does not make.
REPLAY = """
import sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import newcomer
here = Path.cwd()
(image,) = (step for step in newcomer.STEPS if step.name == "image")
took = newcomer.replay(image, newcomer.fresh_environment(here))
print("took", took.wall_s, took.cpu_s)
try:
    newcomer.replay(replace(image, actions=(), results=("nothing.png",)), {})
except RuntimeError as error:
    print("error", error)
"""


@pytest.mark.integration
def test_a_step_is_replayed_and_the_workers_are_counted(tmp_path: Path) -> None:
    """In a process of its own: it waits for all its children, and a test's process has others."""
    line = [sys.executable, "-c", REPLAY, str(DOCS)]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    assert (tmp_path / "sent.png").stat().st_size > 0
    assert all(float(seconds) > 0 for seconds in said["took"].split())
    assert said["error"] == "image: nothing.png is missing"
