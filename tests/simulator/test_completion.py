"""Shell completion: the scripts, and what a shell is offered."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import simulator
from simulator.catalog import CHANNELS, IMPAIRMENTS
from simulator.cli import main
from simulator.commands.completion import VARIABLE

HOME = Path(simulator.__path__[0]).parent


def offered(*words: str) -> list[str]:
    """What bash is offered for the last word."""
    given = {VARIABLE: "bash_complete", "COMP_WORDS": " ".join(("simulate", *words))}
    given["COMP_CWORD"] = str(len(words))
    result = CliRunner().invoke(main, [], prog_name="simulate", env=given)
    assert result.exit_code == 0, result.output
    return [line.partition(",")[2] for line in result.stdout.splitlines()]


def test_commands_options_and_names_are_offered() -> None:
    assert offered("comp") == ["compare", "completion"]
    assert offered("--bandw") == ["--bandwidth-mhz"]
    assert offered("--scheme", "semharq,perf") == ["semharq,perfect"]
    assert offered("--channel", "tdl-") == [name for name in CHANNELS if name.startswith("tdl-")]
    assert offered("--impair", "") == [f"{name}=" for name in IMPAIRMENTS]
    assert offered("--engine", "i") == ["inline"]
    assert offered("--gallery", "c") == ["clean"]
    assert offered("completion", "z") == ["zsh"]
    assert offered("train", "--scheme", "semharq,smsc-f") == ["semharq,smsc-fir"]
    assert offered("train", "--tasks", "reid,c") == ["reid,color"]
    assert offered("train", "--buffer", "av") == ["average"]
    assert offered("train", "--reading", "equal") == ["equalizer="]
    assert offered("figures", "fig1") == ["fig10", "fig11", "fig12"]
    assert offered("plot", "runs", "--metric", "rank1,m") == ["rank1,mAP"]
    assert offered("plot", "runs", "--published", "detec") == [""]  # of no paper
    assert offered("check", "tdl-a") == ["tdl-a"]


def test_every_option_that_takes_a_path_or_one_of_some_words_offers_them() -> None:
    """Whatever the command: the metavar says what is allowed."""
    context, seen = click.Context(main, info_name="simulate"), 0
    commands = [main, *main.commands.values(), *main.commands["data"].commands.values()]  # type: ignore[attr-defined]
    for command in commands:
        for parameter in command.params:
            metavar = parameter.metavar or ""
            found = parameter.shell_complete(context, "")
            if "DIR" in metavar or "FILE" in metavar:
                seen += 1
                assert "file" in {item.type for item in found}, (command.name, metavar)
            if isinstance(parameter.type, click.Path):
                continue  # a shell completes files there, and no words
            for word in re.findall(r"(?<![^|])[a-z0-9-]+(?![^|])", metavar):
                seen += 1
                assert word in {item.value for item in found}, (command.name, metavar)
    assert seen > 60


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_each_shell(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell], prog_name="simulate")
    assert result.exit_code == 0, result.output
    assert f"{VARIABLE}={shell}_complete" in result.stdout


@pytest.mark.integration
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_with_the_script(tmp_path: Path) -> None:
    script = CliRunner().invoke(main, ["completion", "bash"], prog_name="simulate").stdout
    program = tmp_path / "simulate"
    program.write_text(f"#!{sys.executable}\nfrom simulator.__main__ import main\nmain()\n")
    program.chmod(0o755)
    asked = "COMP_WORDS=(simulate --scheme semharq-p); COMP_CWORD=2; _simulate_completion simulate"
    path = f"{tmp_path}:{os.environ['PATH']}"
    found = subprocess.run(
        ["bash", "-c", f'{script}\n{asked}\necho "${{COMPREPLY[@]}}"'],
        env={**os.environ, "PATH": path, "PYTHONPATH": str(HOME)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.stdout == "semharq-plus\n", found.stderr
