"""The command line. It has no heavy imports before there is work to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from simulator.commands.catalog import list_names
from simulator.commands.check import check
from simulator.commands.completion import complete_texts, completion
from simulator.commands.data import data
from simulator.commands.doctor import doctor
from simulator.commands.figures import figures
from simulator.commands.number_types import INTEGER, NUMBER
from simulator.commands.options import build_spec, typed_parts
from simulator.commands.paths import PATH
from simulator.commands.plot import plot
from simulator.commands.report import report
from simulator.commands.reserved_stdout import reserved_stdout
from simulator.commands.runs import COMMANDS, engine_options, take_engine
from simulator.commands.train import train
from simulator.commands.user_errors import Commands
from simulator.spec import RunSpec
from simulator.sweeps.forkserver import start_forkserver, worth_workers
from simulator.sweeps.limits import check_load
from simulator.trust import refuse_untrusted

EXAMPLES = """
\b
Examples:
  simulate --scheme semharq --snr -6:8:2
  simulate --scheme semharq,perfect --snr=-6,0,6 --fading block --out runs/block
  simulate --scheme semharq --snr -6:8:2 --data veri:VeRi --device cuda
  simulate --spec runs/block/run.json --out runs/again
  simulate list
  simulate check mypackage.mymodule:MyChannel

\b
A run writes to its directory:
  curve.csv       scheme, channel, snr_db, metric, value, ci_low, ci_high, n, vehicles, seeds,
                  trainings
  images.parquet  one row per image and SNR: predictions, transmissions, costs
  run.json        the complete spec, versions and weights; --spec repeats the run
  curve.png       the figure
"""


@click.group(
    cls=Commands,
    invoke_without_command=True,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--scheme",
    metavar="A[,B...]",
    help="Names of schemes; `simulate list` shows them.",
)
@click.option(
    "--snr",
    metavar="START:STOP:STEP",
    help="Es/N0 per channel use in dB, STOP included, STEP 1 if left out; or a list such as -6,0,6.",
)
@click.option(
    "--channel",
    metavar="NAME|module:Class",
    help="Channel law [rician].",
)
@click.option(
    "--channel-arg",
    "channel_args",
    multiple=True,
    metavar="NAME=VALUE",
    help="Argument of the channel, e.g. k_factor=4.",
)
@click.option(
    "--fading",
    type=click.Choice(["fast", "block", "jakes"]),
    help="A gain per channel use (fast), per slot (block), or of a moving receiver (jakes) [fast].",
)
@click.option(
    "--data", metavar="synthetic|DIR|veri:DIR|module:function", help="Test images [synthetic]."
)
@click.option(
    "--images",
    type=INTEGER,
    metavar="N",
    help="About N images: those of a fixed random subset of the vehicles.",
)
@click.option(
    "--max-transmissions",
    type=INTEGER,
    metavar="G",
    help="G_max, most transmissions of an image [4].",
)
@click.option(
    "--budget",
    metavar="slots|uses",
    help="Limit every scheme to G_max slots, or to G_max B channel uses [slots].",
)
@click.option(
    "--gallery",
    metavar="received|clean",
    help="Gallery images cross the link, or the server stores them [received].",
)
@click.option(
    "--image-quality",
    is_flag=True,
    default=None,
    help="Measure PSNR and SSIM of the images that schemes deliver.",
)
@click.option(
    "--impair",
    "impairments",
    multiple=True,
    metavar="NAME=VALUE",
    help="Imperfect channel knowledge or feedback, e.g. csir_error=0.05; see `simulate list`.",
)
@click.option(
    "--scheme-arg",
    "scheme_args",
    multiple=True,
    metavar="NAME=VALUE",
    help="Argument of the schemes that have it, e.g. theta_0_db=0; see `simulate list`.",
)
@click.option("--seed", type=INTEGER, metavar="S", help="First seed of fading and noise [0].")
@click.option("--seeds", type=INTEGER, metavar="N", help="Number of seeds [1].")
@click.option("--slot-ms", type=NUMBER, metavar="T", help="Slot length [1].")
@click.option(
    "--bandwidth-mhz", type=NUMBER, metavar="W", help="Bandwidth [the data set's preset]."
)
@click.option(
    "--batch-size",
    type=INTEGER,
    metavar="N",
    help="Images per batch; changes no number [the scheme's].",
)
@click.option("--device", metavar="auto|cpu|cuda[:i]", help="Device of the networks [auto].")
@click.option(
    "--precision",
    metavar="fp32|bf16|auto",
    help="Precision of the networks' products; auto is bf16 where the device is fast at it [fp32].",
)
@click.option(
    "--weights",
    multiple=True,
    metavar="FILE|DIR",
    help="Trained weights [the package's]; several times, or a directory of such directories, for "
    "several trainings.",
)
@click.option(
    "--backbone",
    metavar="module:Class",
    help="Your own network of the encoder that --weights are of [the one that they name].",
)
@click.option(
    "--out",
    type=PATH,
    metavar="DIR",
    help="Directory of the results [runs/<scheme>-<data>].",
)
@click.option(
    "--spec",
    "spec_file",
    type=PATH,
    metavar="FILE",
    help="Repeat the run of a run.json; other options change its settings.",
)
@click.option(
    "--sweep",
    "sweep_file",
    type=PATH,
    metavar="FILE",
    help="Run every combination of a sweep.toml; other options hold for all its runs.",
)
@click.option(
    "--trust",
    is_flag=True,
    help="Execute the parts module:name that the file of --spec or --sweep names.",
)
@engine_options
@click.option("--quiet", is_flag=True, help="No headline, progress bar or table.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Tables for people, or the curve and the specs as one JSON document on stdout.",
)
@click.version_option(package_name="semharq-sim")
@click.pass_context
def main(
    ctx: click.Context,
    /,
    out: Path | None,
    spec_file: Path | None,
    sweep_file: Path | None,
    trust: bool,
    quiet: bool,
    output_format: str,
    **options: Any,
) -> None:
    """Accuracy-vs-SNR curves of semantic and conventional transmission, with intervals."""
    if ctx.invoked_subcommand is not None:
        return
    resume = options.pop("resume")
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if not given and spec_file is None and sweep_file is None:
        click.echo(ctx.get_help())
        return
    engine = take_engine(given)
    with reserved_stdout(output_format == "json") as stream:
        output = {"quiet": quiet, "format": output_format, "stream": stream}
        if sweep_file is None:
            _run(given, spec_file, trust, out, output, engine, resume)
        elif spec_file is None:
            _run_sweep(given, sweep_file, trust, out, output, engine, resume)
        else:
            raise ValueError("--sweep and --spec exclude each other")


def _run(
    given: dict[str, Any],
    spec_file: Path | None,
    trust: bool,
    out: Path | None,
    output: dict[str, Any],
    engine: dict[str, Any],
    resume: bool,
) -> None:
    """Runs one spec. A fork server starts first, because its imports take a while."""
    typed = typed_parts(given)
    spec = build_spec(given, spec_file)
    if spec_file is not None and not trust:
        refuse_untrusted(spec, typed, spec_file)
    check_load(spec)
    points = len(spec.schemes) * len(spec.snr_db) * spec.seeds
    if engine["name"] in ("auto", "local") and worth_workers(points, spec.images):
        start_forkserver()
    from simulator.commands.output import Output
    from simulator.commands.run import execute_one

    execute_one(spec, out, Output(**output), engine, resume)


def _run_sweep(
    given: dict[str, Any],
    sweep_file: Path,
    trust: bool,
    out: Path | None,
    output: dict[str, Any],
    engine: dict[str, Any],
    resume: bool,
) -> None:
    """Runs the specs of a sweep file."""
    typed = typed_parts(given)

    def complete(base: RunSpec) -> RunSpec:
        spec = build_spec(dict(given), base)
        if not trust:
            refuse_untrusted(spec, typed, sweep_file)
        check_load(spec)
        return spec

    from simulator.commands.output import Output
    from simulator.commands.run import execute_sweep

    execute_sweep(sweep_file, complete, out, Output(**output), engine, resume)


_TOOLS = list_names, check, data, doctor, completion
for _command in (*COMMANDS, plot, report, figures, train, *_TOOLS):
    main.add_command(_command)
complete_texts(main)


if __name__ == "__main__":
    main()
