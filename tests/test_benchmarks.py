"""The scripts of benchmarks/: what they import from the packages is there."""

import ast
import importlib
import json
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


@pytest.mark.slow
@pytest.mark.integration
def test_every_entry_of_parts_runs() -> None:
    from benchmarks.bench import parts, training  # noqa: F401 -- declare the entries
    from benchmarks.bench.entry import ENTRIES

    for name in ("decode", "random numbers", "intervals", "F step"):
        case = ENTRIES[name]()
        case.work()
        case.reference()


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
