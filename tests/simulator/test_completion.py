"""Shell completion: the scripts, and what a shell is offered."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

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
