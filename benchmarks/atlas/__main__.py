"""The atlas of readings, one command for each step.

simulate train --plan benchmarks/atlas.toml --data data/train --encoder weights --out atlas
python -m benchmarks.atlas evaluate --weights atlas --data data/large
python -m benchmarks.atlas figure
python -m benchmarks.atlas mechanism --weights atlas --data data/large
python -m benchmarks.atlas page
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
import pandas as pd

from benchmarks.atlas.evaluate import Evaluation, evaluate
from benchmarks.atlas.forest import METRIC_NAMES, draw_forest
from benchmarks.atlas.mechanism import draw_mechanism, measure_mechanism
from benchmarks.atlas.page import write_page
from simulator.files import write_whole
from simulator.spec import RunSpec, parse_snr
from simulator.sweeps.engines import Engine
from simulator.training.plan import read_plan
from simulator.training.presets import presets

HERE = Path(__file__).parent
OUT = HERE.parent / "results" / "atlas"
PAGE = HERE.parents[1] / "docs" / "atlas.md"
FIGURES = HERE.parents[1] / "docs" / "figures"

path_type = click.Path(path_type=Path)
results = click.option("--results", type=path_type, default=OUT, help="Directory of the CSV files.")


def task_options(command: click.decorators.FC) -> click.decorators.FC:
    """Adds the options that name a plan, its weights and a test set."""
    for option in (
        click.option("--plan", "plan_file", type=path_type, default=HERE.parent / "atlas.toml"),
        click.option("--preset", default="synthetic", help="Preset of the trainings."),
        click.option("--weights", type=path_type, required=True, help="--out of the trainings."),
        click.option("--data", default="synthetic", help="Test images."),
        click.option("--snr", default="-6,-2,2", help="SNRs in dB."),
        click.option("--seeds", type=int, default=1, help="Seeds of fading and noise."),
        click.option("--images", type=int, help="Number of test images [all]."),
        click.option("--bandwidth-mhz", type=float, help="Bandwidth W [that of the trainings]."),
        results,
    ):
        command = option(command)
    return command


def the_task(
    plan_file: Path,
    preset: str,
    weights: Path,
    data: str,
    snr: str,
    seeds: int,
    images: int | None,
    bandwidth_mhz: float | None,
    results: Path,
) -> Evaluation:
    """Returns the evaluation that the options name."""
    base = presets(1)[preset]
    spec = RunSpec(
        data=data,
        snr_db=parse_snr(snr),
        seeds=seeds,
        images=images,
        bandwidth_hz=base.bandwidth_hz if bandwidth_mhz is None else 1e6 * bandwidth_mhz,
    )
    return Evaluation(read_plan(plan_file, base), weights, spec, results)


@click.group(help=str(__doc__).split("\n", 1)[0])
def main() -> None:
    """Holds the commands."""


@main.command("evaluate")
@task_options
@click.option("--workers", type=int, help="Processes [one per core].")
@click.option("--only", multiple=True, metavar="READING", help="Run these readings alone.")
def evaluate_command(workers: int | None, only: tuple[str, ...], **options: object) -> None:
    """Run every trained scheme; write points.csv and differences.csv."""
    engine = Engine("inline") if workers == 1 else Engine("auto", workers)
    show = partial(print, flush=True)
    evaluate(the_task(**options), engine, show, only)  # type: ignore[arg-type]


@main.command("figure")
@results
@click.option(
    "--metric", type=click.Choice([*METRIC_NAMES]), multiple=True, default=["rank1", "mAP"]
)
@click.option("--figures", type=path_type, default=FIGURES, help="Directory of the figures.")
def figure_command(results: Path, metric: tuple[str, ...], figures: Path) -> None:
    """Draw the forest plot and the figure of the mechanism from the CSV files."""
    table = pd.read_csv(results / "differences.csv")
    for name in metric:
        draw_forest(table, name, figures / f"atlas_forest_{name}.png")
    mechanism = [results / f"{name}.csv" for name in ("positions", "detectors")]
    if all(path.exists() for path in mechanism):
        parts = [pd.read_csv(path) for path in mechanism]
        draw_mechanism(*parts, table, figures / "atlas_mechanism.png")


@main.command("mechanism")
@task_options
def mechanism_command(**options: object) -> None:
    """Measure what positions alone carry, and the AUROC of F; write positions.csv, detectors.csv."""
    task = the_task(**options)  # type: ignore[arg-type]
    for name, table in measure_mechanism(task, partial(print, flush=True)).items():
        write_whole(task.out / f"{name}.csv", partial(_write_csv, table))


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    table.round(4).to_csv(path, index=False)


@main.command("page")
@results
@click.option("--page", type=path_type, default=PAGE)
def page_command(results: Path, page: Path) -> None:
    """Write the tables of docs/atlas.md from the CSV files."""
    write_page(results, page)


if __name__ == "__main__":
    main()
