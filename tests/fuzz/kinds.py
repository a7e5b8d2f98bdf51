"""The kinds of damaged inputs: each makes one and calls the program with it."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judge import judge_call, judge_command
from mutate import ODD, odd_bytes, odd_image, odd_text, odd_value
from odd_parts import other_part
from result_kinds import wrong_result
from value_kinds import python_values, twice
from world import World

from semantic.data.images import ImageError, decode
from semantic.data.opening import open_dataset
from simulator.catalog import CHANNELS, IMPAIRMENTS, SCHEMES
from simulator.cli import main
from simulator.spec import RunSpec
from simulator.sweeps.sweepfile import read_sweep

#: What a case does: (its random numbers, the good inputs, a directory of its own) -> what is wrong.
Kind = Callable[[random.Random, World, Path], str | None]


def image_bytes(rng: random.Random, world: World, here: Path) -> str | None:
    """Damaged files, and good ones of every mode, range of values, size and frame count."""
    data = odd_image(rng) if rng.random() < 0.4 else rng.choice(world.images)
    if rng.random() < 0.75:
        data = odd_bytes(rng, data)
    return judge_call(lambda: decode(data, "image", 32), (ImageError,))


def label_file(rng: random.Random, world: World, here: Path) -> str | None:
    source, file = rng.choice(
        [
            (world.table, "labels.csv"),
            (world.json, "labels.json"),
            *((world.veri, f"name_{part}.txt") for part in ("test", "query")),
            (world.veri, "test_label.xml"),
        ]
    )
    root = world.copy(source, here / "data")
    path = root / file
    if file.endswith(".json") and rng.random() < 0.7:
        path.write_text(json.dumps(odd_value(rng, json.loads(path.read_text()))))
    elif rng.random() < 0.3:
        path.write_bytes(odd_bytes(rng, path.read_bytes()))
    else:
        path.write_bytes(odd_text(rng, path.read_text()))
    spec = f"veri:{root}" if source == world.veri else str(root)
    return judge_call(lambda: open_dataset(spec, rng.choice(("test", "train"))), (ValueError,))


def image_folder(rng: random.Random, world: World, here: Path) -> str | None:
    """A whole run over a folder in which some files are damaged, missing, links or directories."""
    root = world.copy(world.table, here / "data")
    for path in rng.sample(sorted(root.glob("*.jpg")), rng.randrange(1, 6)):
        match rng.randrange(6):
            case 0:
                path.write_bytes(odd_bytes(rng, path.read_bytes()))
            case 1:
                path.write_bytes(b"")
            case 2:
                path.unlink()
            case 3:
                path.unlink()
                path.symlink_to(rng.choice(("nowhere", path.name, "/dev/zero", "..")))
            case 4:
                path.unlink()
                path.mkdir()
            case 5:
                path.write_bytes(rng.choice(world.images))
    return _simulate(world, here, "--data", str(root))


def weights_file(rng: random.Random, world: World, here: Path) -> str | None:
    root = here / "weights"
    root.mkdir()
    for path in world.weights.glob("*.safetensors"):
        (root / path.name).symlink_to(path)
    path = root / rng.choice(("encoder.safetensors", "semharq.safetensors"))
    data = path.read_bytes()
    path.unlink()
    if rng.random() < 0.6:
        size = int.from_bytes(data[:8], "little")
        header = odd_value(rng, json.loads(data[8 : 8 + size]))
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])
    else:
        path.write_bytes(odd_bytes(rng, data[:4000]) + data[4000 : rng.choice((8000, len(data)))])
    arguments = ["--scheme", "semharq", "--data", str(world.table), "--weights", str(root)]
    return judge_command([*arguments, "--snr", "0", "--out", str(here / "out"), "--quiet"])


def spec_file(rng: random.Random, world: World, here: Path) -> str | None:
    record = json.loads((world.run / "run.json").read_text())
    path = here / "run.json"
    if rng.random() < 0.85:
        record["spec"] = odd_value(rng, record["spec"])
        path.write_text(json.dumps(record))
    else:
        path.write_bytes(odd_text(rng, json.dumps(record, indent=1)))
    return judge_call(lambda: RunSpec.read(path), (ValueError,))


def sweep_file(rng: random.Random, world: World, here: Path) -> str | None:
    if rng.random() < 0.2:
        return whole_sweep(rng, world, here)
    text = (
        '[run]\nschemes = ["semharq"]\nsnr_db = "-6:8:2"\nseeds = 3\n\n[grid]\nchannel = ["rician"]\n'
        'max_transmissions = [1, 4]\n"channel_args.fading" = ["fast", "block"]\n'
    )
    path = here / "sweep.toml"
    path.write_bytes(odd_text(rng, text))
    return judge_call(lambda: read_sweep(path), (ValueError,))


def whole_sweep(rng: random.Random, world: World, here: Path) -> str | None:
    """A sweep over odd values that is read and run."""
    field = rng.choice(("channel", "max_transmissions", "seeds", "snr_db", "data", "x"))
    values = ", ".join(toml(rng.choice(ODD)) for _ in range(rng.randrange(3)))
    path = here / "sweep.toml"
    path.write_text(f"[run]\nsnr_db = [0]\n[grid]\n{field} = [{values}]\n", errors="replace")
    arguments = ["--sweep", str(path), "--scheme", "perfect", "--weights", str(world.weights)]
    if field != "data":
        arguments += ["--data", str(world.table)]
    return judge_command([*arguments, "--engine", "inline", "--out", str(here / "out"), "--quiet"])


def toml(value: Any) -> str:
    """A value as TOML writes it, if it can."""
    if isinstance(value, float):
        return {"Infinity": "inf", "-Infinity": "-inf", "NaN": "nan"}.get(
            json.dumps(value), repr(value)
        )
    return "1979-05-27" if value is None or isinstance(value, dict) else json.dumps(value)


def run_directory(rng: random.Random, world: World, here: Path) -> str | None:
    """A finished run with a damaged file, read by every command that reads runs."""
    out = world.copy(world.run, here / "run")
    path = rng.choice(sorted(p for p in out.rglob("*") if p.is_file()))
    if path.suffix == ".json" and rng.random() < 0.8:
        path.write_text(json.dumps(odd_value(rng, json.loads(path.read_text()))))
    elif path.suffix == ".csv":
        path.write_bytes(odd_text(rng, path.read_text()))
    else:
        path.write_bytes(odd_bytes(rng, path.read_bytes()))
    command = rng.choice(
        [
            ["status", str(out)],
            ["merge", str(out), "--out", str(here / "merged")],
            ["plot", str(out), "--out", str(here / "figure.svg")],
            ["compare", f"{out}:semharq", f"{out}:perfect"],
            ["compare", str(out), str(world.run)],
            ["--spec", str(out / "run.json"), "--out", str(here / "again"), "--quiet"],
            ["check", str(world.table), "--kind", rng.choice(("data", "channel", "scheme"))],
        ]
    )
    return judge_command(command)


def options(rng: random.Random, world: World, here: Path) -> str | None:
    """Odd values of the options of a run."""
    names = sorted(max(p.opts, key=len) for p in main.params if p.opts[0].startswith("--"))
    given = []
    for name in rng.sample(names, rng.choice((1, 1, 2))):
        if name in ("--workers", "--engine", "--scheduler", "--out", "--help", "--version"):
            continue
        value = rng.choice(ODD)
        if name.endswith("-arg") or name == "--impair":
            known = ("theta_0_db", "ratio", "equalizer", "k_factor", "fading", *IMPAIRMENTS)
            value = f"{rng.choice(known)}={value}"
        given += [name, str(value)]
    return _simulate(world, here, *given)


def arguments_of_parts(rng: random.Random, world: World, here: Path) -> str | None:
    """Odd arguments of every scheme and channel of the catalog, of a run and of a check."""
    scheme = rng.choice(["semharq", "perfect"])
    kind = rng.choice(("--scheme-arg", "--channel-arg"))
    catalog = SCHEMES if kind == "--scheme-arg" else CHANNELS
    name = rng.choice(list(catalog))
    words = [word.partition("=")[0] for word in catalog[name].line.partition("[")[2].split()]
    argument = rng.choice([*words, "x", ""]) if words else "x"
    extra = ["--channel", name] if kind == "--channel-arg" else []
    extra += [kind, f"{argument}={rng.choice(ODD)}"]
    return _simulate(world, here, "--scheme", scheme, *extra)


FAULTS = (
    "raise {error}('odd')",
    "return None",
    "return 1, 2, 3",
    "return torch.zeros(3), None",
    "return torch.full((len(streams), uses), float('nan')) + 0j, None",
    "return streams.complex_normal(uses).double(), None",
    "return streams.complex_normal(uses)[:-1], None",
    "raise SystemExit({code})",
    "import sys; sys.exit({code})",
    "raise KeyError",
    "return streams.complex_normal(uses, uses), None",
    "return [0] * uses, {{}}",
)


ERRORS = ("ValueError", "RuntimeError", "KeyError", "OSError", "MemoryError", "AssertionError")


def plug_in(rng: random.Random, world: World, here: Path) -> str | None:
    """A channel of a user's own that fails in its module, its constructor or its methods."""
    fault = rng.choice(FAULTS).format(error=rng.choice(ERRORS), code=rng.choice((0, 1, "'x'")))
    good = "return streams.complex_normal(uses), None"
    where = rng.choice(("module", "init", "draw", "draw", "draw"))
    name = f"odd_channel_{rng.randrange(10**9)}"
    (here / f"{name}.py").write_text(
        "import torch\nfrom phy.channel import Channel\n"
        + ("" if where != "module" else fault.split("; ")[-1].replace("return ", "x = ") + "\n")
        + "class Odd(Channel):\n"
        + f"    def __init__(self):\n        {fault if where == 'init' else 'pass'}\n"
        + "    def draw(self, streams, uses, state):\n"
        + f"        {fault if where == 'draw' else good}\n"
    )
    if rng.random() < 0.6:
        name = f"{name}x"
        kind, text, options = other_part(rng, name, str(world.table))
        (here / f"{name}.py").write_text(text)
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(here))
            if rng.random() < 0.3:
                part = options[-1].partition("=")[2] or options[-1]
                small = ["--data", str(world.table), "--weights", str(world.weights)]
                return judge_command(["check", part, "--kind", kind, *small])
            return _simulate(world, here, *options)
    command = rng.choice(("run", "run", "check"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(here))
        if command == "check":
            return judge_command(["check", f"{name}:Odd", "--kind", "channel"])
        return _simulate(world, here, "--channel", f"{name}:Odd")


def permissions(rng: random.Random, world: World, here: Path) -> str | None:
    """Another user's files: what cannot be read or written is named."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    root = world.copy(world.table, here / "data")
    weights = world.copy(world.weights, here / "weights")
    run = world.copy(world.run, here / "run")
    locked = rng.choice(
        [root, weights, run, here, *root.iterdir(), *weights.iterdir(), *run.iterdir()]
    )
    for path in (here, *here.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    locked.chmod(rng.choice((0o000, 0o100, 0o400, 0o600, 0o200)))
    os.seteuid(65534)
    try:
        arguments = ["--data", str(root), "--weights", str(weights), "--snr", "0"]
        arguments += ["--scheme", "perfect", "--out", str(rng.choice((here, root)) / "out")]
        reading = (
            ["status", str(run)],
            ["merge", str(run), "--out", str(here / "m")],
            ["plot", str(run)],
        )
        return judge_command(rng.choice(reading) if rng.random() < 0.3 else arguments)
    finally:
        os.seteuid(0)
        for path in (here, locked):
            path.chmod(0o755)


def _simulate(world: World, here: Path, *extra: str) -> str | None:
    """A tiny run; what `extra` names again counts."""
    base = ["--scheme", "perfect", "--snr", "0", "--data", str(world.table), "--quiet"]
    base += ["--weights", str(world.weights), "--engine", "inline", "--out", str(here / "out")]
    return judge_command([*base, *extra])


#: Each kind with its share of the cases: whole runs cost a hundred times what a file costs.
KINDS: dict[Kind, float] = {
    **dict.fromkeys((image_bytes, label_file, spec_file, sweep_file), 0.2),
    **dict.fromkeys((run_directory, options, arguments_of_parts, python_values), 0.04),
    twice: 0.01,
    **dict.fromkeys((image_folder, weights_file, plug_in, wrong_result, permissions), 0.02),
}
