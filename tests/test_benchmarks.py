"""The scripts of benchmarks/: what they import from the packages is there."""

import ast
import importlib
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from unittest.mock import patch

import pytest
import torch

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "benchmarks").rglob("*.py"))
OURS = ("phy", "semantic", "simulator")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_script_imports_what_is_there(script: Path) -> None:
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in OURS:
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"


def test_there_are_scripts() -> None:
    assert len(SCRIPTS) > 10


def test_the_bench_measures_in_turn_and_keeps_the_newest() -> None:
    from benchmarks.bench.entry import Case
    from benchmarks.bench.report import line, measure, newest, table

    calls: list[str] = []
    case = Case(
        work=lambda: calls.append("work"),
        reference=lambda: calls.append("reference"),
        measures="a call",
        against="another call",
        amount=2,
        unit="call",
        operations=1.0,
        rounds=3,
    )
    found = measure("example", case)
    assert calls == ["work", "reference"] * 4
    assert found.bound == "products"
    assert found.seconds > 0
    assert "ratio" in line(found)
    first, second = (json.dumps({**asdict(found), "ratio": ratio}) for ratio in (1.0, 2.0))
    kept = newest([first, second])
    assert kept["example"]["ratio"] == 2.0
    assert "| `example` | a call |" in table(kept.values())


@pytest.mark.integration
@pytest.mark.parametrize("name", ["encoder step", "link step", "F step", "random numbers", "reid"])
def test_a_small_entry_runs(name: str) -> None:
    from benchmarks.bench import parts, reid, training  # noqa: F401 -- declare the entries
    from benchmarks.bench.entry import ENTRIES

    case = ENTRIES[name](True)
    case.work()
    case.reference()


@pytest.mark.slow
@pytest.mark.integration
def test_the_smoke_part_runs_every_entry(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.__main__ import main
    from benchmarks.bench.entry import ENTRIES
    from benchmarks.bench.report import HISTORY

    before = HISTORY.read_bytes()
    threads = torch.get_num_threads()
    with patch.object(sys, "argv", ["benchmarks", "--smoke"]):
        main()
    torch.set_num_threads(threads)
    lines = capsys.readouterr().out.splitlines()
    assert [text.split(": ")[0] for text in lines] == [*ENTRIES]
    assert HISTORY.read_bytes() == before


@pytest.mark.integration
def test_the_steps_of_the_bench_multiply_as_the_trainings_do() -> None:
    from benchmarks.bench import training
    from semantic.training.products import onednn_products

    for name in ("link_step", "fde_step"):
        with patch.object(training, "onednn_products", wraps=onednn_products) as products:
            getattr(training, name)(True).work()
        assert products.called, name


@pytest.mark.integration
def test_a_command_has_a_time_beside_another_job_and_a_peak_memory() -> None:
    from benchmarks.bench.entry import Case
    from benchmarks.bench.other_job import peak_of
    from benchmarks.bench.report import line, measure

    busy = [sys.executable, "-c", "x = bytearray(50_000_000); x[::4096] = b'1' * len(x[::4096])"]
    free = [sys.executable, "-c", "pass"]
    case = Case(
        work=lambda: peak_of(busy),
        reference=lambda: peak_of(free),
        measures="a command with 50 MB",
        against="one without",
        amount=1,
        unit="command",
        whole=True,
    )
    found = measure("command", case, beside=1, rounds=1)
    assert 50e6 < found.peak < 200e6
    assert found.peak > peak_of(free) + 40e6
    assert found.beside > 0
    assert "beside a job of 1 threads" in line(found)
    with pytest.raises(subprocess.CalledProcessError):
        peak_of([sys.executable, "-c", "raise SystemExit(3)"])


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands over orphans")
def test_the_usage_of_a_command_counts_processes_that_outlive_it() -> None:
    # As workers do: their fork server ends after the run, which does not wait for it.
    from benchmarks.bench.other_job import usage_of

    child = "import time; x = b'1' * 80_000_000; time.sleep(0.2); sum(range(3_000_000))"
    leaves = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}])"
    peak, seconds = usage_of([sys.executable, "-c", leaves])
    _, alone = usage_of([sys.executable, "-c", "pass"])
    assert peak > 80e6
    assert seconds > alone + 0.02


def test_the_compiled_reference_of_reid_is_right() -> None:
    import torch

    from benchmarks.bench.reid import evaluate_ranked
    from benchmarks.reid_cost import images
    from semantic.reid import evaluate_reid

    generator = torch.Generator().manual_seed(0)
    query, gallery = images(20, generator), images(2000, generator)
    a, b = (torch.nn.functional.normalize(x.embedding.double()) for x in (query, gallery))
    order = (a @ b.T).argsort(dim=1, descending=True).numpy()
    labels = (query.vehicle, gallery.vehicle, query.camera, gallery.camera)
    rank1, mean_ap = evaluate_ranked(order, *(v.numpy() for v in labels))
    found = evaluate_reid(query, gallery)
    assert rank1 == pytest.approx(found.rank1)
    assert mean_ap == pytest.approx(found.mean_average_precision)


@pytest.mark.integration
def test_the_comparison_of_devices(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks import gpu

    found = [gpu.compare(part, "cpu") for part in gpu.parts(4)]
    assert all(line.endswith("differs from the CPU by 0") for line in found)
    one = torch.ones(1)
    other = gpu.Part("x", 0.1, 1, "calls", lambda device: lambda: one if device == "cpu" else -one)
    with pytest.raises(ValueError, match="x: meta and CPU differ by 2 of the largest value"):
        gpu.compare(other, "meta")
    if not torch.cuda.is_available():
        with patch.object(sys, "argv", ["gpu"]):
            gpu.main()
        assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.integration
def test_the_papers_training_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks import gpu
    from benchmarks.paper_training import WARM_UP, paper_training

    rate = paper_training("cpu", seconds=60.0, edge=32, steps=2)
    assert rate.steps == 2
    assert rate.epochs_per_hour == pytest.approx(rate.images_per_second * 3600 / 37_778)
    assert rate.augmented_per_second > rate.images_per_second
    steps = []
    with (
        patch.object(gpu, "parts", return_value=iter(())),
        patch(
            "benchmarks.paper_training.train_encoder",
            side_effect=lambda *a, **k: steps.append(
                [a[4](step, {}) for step in range(WARM_UP + 10)]
            ),
        ),
        patch.object(sys, "argv", ["gpu", "--device", "cpu", "--seconds", "0", "--edge", "32"]),
    ):
        gpu.main()
    assert "over 1 steps" in capsys.readouterr().out
    assert not steps  # the time ended the loop
