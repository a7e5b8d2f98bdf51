"""Every option of a run belongs to the identity of its points, every one of a training to its checkpoints."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from semantic.link.reading import OPTIONS, LinkReading
from semantic.training.checkpoint import load_checkpoint, save_checkpoint
from semantic.training.labels import Labels
from semantic.training.loop import LinkData, LinkRecipe, train_loop
from semantic.weights.files import write_tensors
from simulator.arguments import Argument
from simulator.catalog import SCHEMES
from simulator.commands.train import train
from simulator.spec import RunSpec
from simulator.sweeps.identity import NOT_HASHED, common_identity, digest, point_identity
from simulator.training.code import link_note, training_code
from simulator.training.encoder_options import encoder_recipe
from simulator.training.link_options import LinkOptions, adapted
from simulator.training.other_options import refuse_other_encoder
from simulator.training.presets import Preset, presets


def identity(spec: RunSpec, weights: str = "w", data: str = "d") -> str:
    """The identity of a point of a run whose data and weights are not opened."""
    prepared: Any = SimpleNamespace(
        spec=spec,
        dataset=SimpleNamespace(content_hash=lambda: data),
        device="cpu",
        networks=SimpleNamespace(hashes_of=lambda scheme: {"x.safetensors": weights}),
        files={},
    )
    at = spec.schemes[0], spec.snr_db[0], spec.seed
    return digest(point_identity(common_identity(prepared), prepared, *at))


def others(argument: Argument) -> Iterator[Any]:
    """Values of an argument other than its default."""
    if argument.kind is bool:
        yield not argument.default
    yield from argument.allowed
    yield from argument.words
    limits = [v for v in (argument.least, argument.most) if v is not None]
    yield from limits
    if argument.open_ends:
        yield sum(limits) / 2
    yield from {"rv_order": ["0"], "codec": ["jpeg", "webp"]}.get(argument.name, [])


#: Arguments that another one needs beside it, where the default does not do.
BESIDE = {"modulation": ("rate", 0.5), "rate": ("modulation", "qpsk")}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_argument_of_every_scheme_changes_the_identity(scheme: str) -> None:
    plain = RunSpec(schemes=(scheme,))
    tried = [identity(plain)]
    for name, argument in SCHEMES[scheme].declared.items():
        before = len(tried)
        for value in others(argument):
            beside = [BESIDE[name]] if name in BESIDE else []
            for given in ([(name, value)], [(name, value), *beside]):
                with suppress(ValueError):  # needs another argument with it, or has open ends
                    spec = replace(plain, scheme_args=tuple(given))
                    break
            else:
                continue
            if dict(spec.scheme_args)[name] != argument.default:
                tried.append(identity(spec))
        assert len(tried) > before, f"no other value of {name} was tried"
        assert len({*tried}) == len(tried), name


FIELDS: dict[str, Any] = {
    "snr_db": (1.0,),
    "channel": "awgn",
    "channel_args": (("k_factor", 9.0),),
    "max_transmissions": 2,
    "budget": "uses",
    "gallery": "clean",
    "image_quality": True,
    "seed": 5,
    "slot_s": 2e-3,
    "bandwidth_hz": 5e6,
    "impairments": (("csir_error", 0.1),),
    "scheme_args": (("theta_0_db", 2.0),),
    "backbone": "toy_parts:Plain",
    "precision": "bf16",
}
#: Fields that the images, the weights or other points stand for.
ELSEWHERE = {"schemes", "seeds", "until", "max_seeds", "batch_size"}
ELSEWHERE |= {"data", "images", "weights", "trainings", "device"}


def test_every_field_of_a_run_changes_the_identity() -> None:
    plain = RunSpec()
    assert {f.name for f in fields(RunSpec)} == FIELDS.keys() | ELSEWHERE
    assert ELSEWHERE <= NOT_HASHED
    found = [identity(replace(plain, **{name: value})) for name, value in FIELDS.items()]
    found += [identity(plain), identity(plain, weights="v"), identity(plain, data="e")]
    found.append(identity(replace(plain, schemes=("semharq-sst",))))
    assert len({*found}) == len(found)


# Trainings


def checkpoint_of(preset: Preset) -> str:
    """All that the checkpoints and weights of a training belong to, besides the images."""
    return json.dumps([asdict(preset), link_note(preset)], sort_keys=True, default=repr)


#: Fields of `LinkOptions`, by the names of the options.
LINK_OPTIONS = {n: n for n in ("reading", "channel", "channel_args", "fading")}
LINK_OPTIONS |= {"link_seed": "seed"}


def trained(device: str = "cpu", extra: bool = False, **options: Any) -> str:
    """The same for options of `simulate train`."""
    link = {option: options.pop(n) for n, option in LINK_OPTIONS.items() if n in options}
    own = {"seed": 0, "backbone": "densenet121", "snr_db": None, "buffer": None, "link_steps": None}
    tasks = options.pop("tasks", None)
    given = {n: options.pop(n, default) for n, default in own.items()}
    preset = adapted(
        presets(64)[options.pop("preset", "synthetic")], **given, options=LinkOptions(**link)
    )
    preset = replace(preset, encoder=encoder_recipe(preset.encoder, device, extra, **options))
    return checkpoint_of(preset if tasks is None else preset.only(tasks))


OPTIONS_OF_TRAINING: dict[str, dict[str, Any]] = {
    "preset": {"preset": "paper"},
    "backbone": {"backbone": "timm:resnet18"},
    "extra_vehicles": {"extra_vehicles": 3, "extra": True},
    "encoder_steps": {"encoder_steps": "100"},
    "batch_size": {"batch_size": 16},
    "augmentation": {"augmentation": "strong"},
    "precision": {"precision": "bf16"},
    "snr_db": {"snr_db": 3.0},
    "tasks": {"tasks": ["color"]},
    "buffer": {"buffer": "average"},
    "reading": {"reading": (("equalizer", "zf"),)},
    "channel": {"channel": "awgn"},
    "channel_args": {"channel_args": (("k_factor", 9.0),)},
    "fading": {"fading": "block"},
    "link_steps": {"link_steps": 7},
    "seed": {"seed": 1},
    "link_seed": {"link_seed": 1},
}
#: Options whose files are hashed, that name files, or that change no number. Arguments of one's own
#: schemes are in `train_own_scheme`. A plan has a preset for each of its trainings.
NO_RECIPE = {"scheme", "scheme_args", "data_spec", "out", "encoder", "imagenet", "extra_data"}
NO_RECIPE |= {"validation", "device", "quiet", "plan", "only", "engine", "workers", "scheduler"}


def test_every_option_of_a_training_is_in_its_recipe() -> None:
    assert {option.name for option in train.params} == OPTIONS_OF_TRAINING.keys() | NO_RECIPE
    found = {name: trained(**given) for name, given in OPTIONS_OF_TRAINING.items()}
    found |= {"none": trained(), "extra": trained(extra=True)}
    assert len({*found.values()}) == len(found)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_of_the_reading_is_in_the_checkpoint_of_a_link(name: str) -> None:
    preset = presets(64)["synthetic"]
    base = LinkReading(importance="image") if name == "positions" else LinkReading()
    notes = [
        link_note(replace(preset, reading=replace(base, **{name: value})))
        for value in OPTIONS[name].values
    ]
    assert len({json.dumps(note) for note in notes}) == len(OPTIONS[name].values)


def looped(path: Path, recipe: LinkRecipe, s: Tensor, vehicle: Tensor, **about: Any) -> None:
    """One step of the training loop of all links, which writes a checkpoint."""
    network = nn.Linear(2, 1)

    def step(index: Tensor, generator: torch.Generator, number: int) -> dict[str, float]:
        network(s[index]).sum().backward()
        return {}

    data = LinkData(s, Labels(vehicle, vehicle, vehicle), lambda *_: (s, s), lambda _: 1, about)
    train_loop(network, recipe, "test", data, (1,), step, path, lambda *_: None)


OTHER_RECIPE = {
    f.name: (getattr(LinkRecipe(), f.name) or 0) + 1
    for f in fields(LinkRecipe)
    if isinstance(getattr(LinkRecipe(), f.name), int | float)
}
OTHER_RECIPE |= {"snr_db": (0.0, 1.0), "task_weights": LinkRecipe().task_weights.only(["color"])}


@pytest.mark.parametrize("name", [f.name for f in fields(LinkRecipe)])
def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path, name: str) -> None:
    s, vehicle, path = torch.ones(40, 2), torch.arange(20).repeat(2), tmp_path / "c.safetensors"
    recipe = LinkRecipe(vehicles_per_batch=2, images_per_vehicle=2)
    looped(path, recipe, s, vehicle)
    looped(path, recipe, s, vehicle)
    with pytest.raises(ValueError, match=r"other settings \(recipe\): give another --out"):
        looped(path, replace(recipe, **{name: OTHER_RECIPE[name]}), s, vehicle)


def test_a_checkpoint_of_other_data_code_or_channel_is_refused(tmp_path: Path) -> None:
    s, vehicle, path = torch.ones(40, 2), torch.arange(20).repeat(2), tmp_path / "c.safetensors"
    recipe = LinkRecipe(vehicles_per_batch=2, images_per_vehicle=2)
    about = link_note(presets(64)["synthetic"])
    looped(path, recipe, s, vehicle, **about)
    with pytest.raises(ValueError, match=r"\(data\)"):
        looped(path, recipe, s * 2, vehicle, **about)
    with pytest.raises(ValueError, match=r"\(data\)"):
        looped(path, recipe, s, vehicle.flip(0), **about)
    for name in about:
        with pytest.raises(ValueError, match=rf"\({name}\)"):
            looped(path, recipe, s, vehicle, **{**about, name: "other"})


def test_the_code_of_trainings_counts_without_comments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = [tmp_path / name for name in ("phy", "semantic", "simulator")]
    for root in roots:
        (root / "training").mkdir(parents=True)
        (root / "training/x.py").write_text("K = 1")
    (tmp_path / "simulator/cli.py").write_text("K = 1")
    monkeypatch.setattr("simulator.training.code.PACKAGES", roots)

    def code() -> str:
        return training_code.__wrapped__()

    before = code()
    (tmp_path / "simulator/cli.py").write_text("K = 2")
    (tmp_path / "phy/training/x.py").write_text("K = 1  # a comment")
    assert code() == before
    for root in roots:
        (root / "training/x.py").write_text("K = 2")
        assert code() != before
        before = code()


@pytest.mark.parametrize("content", ["cut", "shape", "step", "list", "directory", "deep"])
def test_a_checkpoint_that_is_none_is_one_line(tmp_path: Path, content: str) -> None:
    path, model = tmp_path / "c.safetensors", nn.Linear(2, 1)
    optimizer = torch.optim.Adam(model.parameters())
    save_checkpoint(path, nn.Linear(3, 1) if content == "shape" else model, optimizer, 1, {})
    tensors = {"model.weight": torch.zeros(1, 2), "model.bias": torch.zeros(1)}
    if content == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif content == "directory":
        path.unlink()
        path.mkdir()
    elif content != "shape":
        note = {"list": "[1]", "deep": "[" * 100_000}.get(content, "{}")
        write_tensors(path, tensors, {"note": note, "step": "one" if content == "step" else "1"})
    with pytest.raises(ValueError, match="delete it to start again") as caught:
        load_checkpoint(path, model, optimizer, {})
    assert "\n" not in str(caught.value)


def test_links_behind_another_encoder_are_refused(tmp_path: Path) -> None:
    encoder, link = tmp_path / "encoder.safetensors", tmp_path / "semharq.safetensors"
    encoder.write_bytes(b"one")
    write_tensors(link, {"x": torch.zeros(1)}, {"config": "{}"})
    refuse_other_encoder(link, encoder)  # older weights do not say
    write_tensors(link, {"x": torch.zeros(1)}, {"config": json.dumps({"encoder_sha256": "0"})})
    with pytest.raises(ValueError, match="trained behind another encoder than"):
        refuse_other_encoder(link, encoder)
