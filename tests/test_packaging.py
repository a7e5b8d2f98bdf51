"""Distribution, container and hosted CI: what they name is there. `make dist` builds and runs."""

import re
import tomllib
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = ("phy", "semantic", "simulator")


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_the_version_is_that_of_the_citation_and_of_the_changelog() -> None:
    version = PROJECT["project"]["version"]
    assert re.search(r"^version: (.*)$", text("CITATION.cff"), re.MULTILINE)[1] == version  # type: ignore[index]
    assert re.search(r"^## (\S+)", text("CHANGELOG.md"), re.MULTILINE)[1] == version  # type: ignore[index]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_data_file_of_a_package_is_in_the_wheel(package: str) -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"][package]
    files = [
        file.relative_to(ROOT / package).as_posix()
        for file in (ROOT / package).rglob("*")
        if file.is_file() and file.suffix not in (".py", ".pyc", ".nbi", ".nbc")
    ]
    assert files
    assert [file for file in files if not any(fnmatch(file, each) for each in patterns)] == []


def test_every_pinned_dependency_satisfies_its_range() -> None:
    from packaging.requirements import Requirement

    pins = dict(re.findall(r"^([\w-]+)==(\S+)$", text("constraints.txt"), re.MULTILINE))
    extras = PROJECT["project"]["optional-dependencies"]
    unpinned = {"timm"}  # not tested
    for line in chain(PROJECT["project"]["dependencies"], *extras.values()):
        wanted = Requirement(line)
        if wanted.name not in pins:
            assert wanted.name in unpinned, f"{wanted.name} is not in constraints.txt"
        else:
            assert wanted.specifier.contains(pins[wanted.name]), line


def instructions() -> list[tuple[str, str]]:
    """The instructions of the container file with their arguments, in order."""
    lines = [line for line in text("Containerfile").splitlines() if line and line[0] != "#"]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


def test_the_container_runs_the_command_as_a_user_without_rights() -> None:
    found = instructions()
    users = [argument for name, argument in found if name == "USER"]
    assert users
    assert users[-1] not in ("root", "0")
    made = next(argument for name, argument in found if "useradd" in argument)
    assert users[-1] in made.split()
    (entry,) = (argument for name, argument in found if name == "ENTRYPOINT")
    (program,) = re.findall(r'\["(\w+)"\]', entry)
    assert program in PROJECT["project"]["scripts"]
    assert [name for name, _ in found].index("USER") < [name for name, _ in found].index(
        "ENTRYPOINT"
    )


def test_every_command_that_the_container_can_run_has_what_it_imports() -> None:
    """`simulate report` cannot be completed by pip later: the user may not write to the image."""
    (installed,) = re.findall(r"pip install .* '\.\[(.*)\]'", text("Containerfile"))
    assert installed == "report"
    assert installed in PROJECT["project"]["optional-dependencies"]


def test_the_container_copies_what_there_is_and_pins_torch() -> None:
    ignored = text(".dockerignore").splitlines()
    sources = []
    for name, argument in instructions():
        if name == "COPY" and not argument.startswith("--from"):
            sources += argument.split()[:-1]
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored, source
    assert {*PACKAGES, "pyproject.toml", "constraints.txt"} <= {*sources}
    assert PROJECT["project"]["readme"] in sources
    (pin,) = re.findall(r"\$\(grep '(.*?)' constraints.txt\)", text("Containerfile"))
    assert len(re.findall(pin, text("constraints.txt"), re.MULTILINE)) == 1
    pythons = re.findall(r"^FROM .*python:(3\.\d+)-slim", text("Containerfile"), re.MULTILINE)
    tested = re.findall(r'"(3\.\d+)"', text(".github/workflows/ci.yml"))
    assert {*pythons} <= {*tested}
    assert len(pythons) == 2


def test_the_hosted_ci_calls_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    called = set(re.findall(r"\bmake ([a-z-]+)", text(".github/workflows/ci.yml")))
    assert {"check", "test", "docs", "dist"} <= called <= targets
