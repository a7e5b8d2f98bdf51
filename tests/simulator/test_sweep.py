"""The sweep: numbers that depend on the spec and on nothing else."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from phy.channel import Channel, Received
from phy.channels.fading import Rician
from phy.streams import Streams
from semantic.link.protocol import PROTOCOLS
from simulator.results.curve import METRICS
from simulator.scheme import Scheme
from simulator.scheme_arguments import SemanticHarqArguments
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.setup.networks import Networks
from simulator.setup.prepare import choose_device, prepare
from simulator.setup.schemes import build_schemes
from simulator.spec import RunSpec
from simulator.sweeps.sweep import Result, run_spec

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def spec(tiny_weights: Path, folder_data: Path) -> RunSpec:
    return RunSpec(
        schemes=("semharq", "perfect"),
        snr_db=(-6.0, 0.0, 6.0),
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=4e6,
        batch_size=16,
    )


@pytest.fixture(scope="module")
def result(spec: RunSpec) -> Result:
    return run_spec(spec)


@pytest.fixture(scope="module")
def images(result: Result) -> pd.DataFrame:
    return result.images


def same(a: pd.DataFrame, b: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(a, b, check_exact=True)


@pytest.mark.parametrize("batch_size", [7, 256])
def test_batch_size_changes_no_bit(spec: RunSpec, images: pd.DataFrame, batch_size: int) -> None:
    same(run_spec(replace(spec, batch_size=batch_size)).images, images)


def test_the_order_of_snrs_and_schemes_changes_no_bit(spec: RunSpec, images: pd.DataFrame) -> None:
    turned = replace(spec, snr_db=spec.snr_db[::-1], schemes=spec.schemes[::-1])
    keys = ["scheme", "snr_db", "image"]
    found = run_spec(turned).images
    same(
        found.sort_values(keys, ignore_index=True),
        images.sort_values(keys, ignore_index=True),
    )
    alone = run_spec(replace(spec, snr_db=(0.0,), schemes=("semharq",))).images
    part = images[(images["scheme"] == "semharq") & (images["snr_db"] == 0.0)]
    same(alone, part.reset_index(drop=True))


def test_same_seed_same_result_other_seed_other_result(spec: RunSpec, images: pd.DataFrame) -> None:
    again = run_spec(spec)
    same(again.images, images)
    other = run_spec(replace(spec, seed=1)).images
    lossy = images["scheme"] == "semharq"
    assert not other[lossy]["energy"].equals(images[lossy]["energy"])
    assert other[~lossy].drop(columns="seed").equals(images[~lossy].drop(columns="seed"))


def test_seeds_are_run_one_after_the_other(spec: RunSpec, images: pd.DataFrame) -> None:
    both = run_spec(replace(spec, seeds=2))
    same(both.images[both.images["seed"] == 0].reset_index(drop=True), images)
    assert (both.curve["n"] <= 40).all()


def test_rows_and_points(result: Result, images: pd.DataFrame) -> None:
    assert len(images) == 2 * 3 * 40
    assert len(result.curve) == 2 * 3 * len(METRICS)
    assert result.problems == ()
    assert result.hashes.keys() == {"encoder.safetensors", "semharq.safetensors"}
    queries = images["is_query"]
    assert images[queries]["rank1_hit"].notna().all()
    assert images[~queries]["rank1_hit"].isna().all()
    right = images["color_predicted"] == images["color"]
    assert (right == images["color_correct"].astype(bool)).all()
    perfect = images[images["scheme"] == "perfect"]
    assert (perfect[["transmissions", "channel_uses", "feedback_bits", "energy"]] == 0).all(None)
    assert perfect["stopped_by"].unique().tolist() == ["no channel"]
    counts = images[images["scheme"] == "semharq"].groupby("snr_db")["transmissions"].mean()
    assert counts.is_monotonic_decreasing


class Recording(Channel):
    """Rician fading that keeps every gain and noise sample it gave out."""

    log: ClassVar[dict[str, dict[tuple[str, int, int], Tensor]]] = {"h": {}, "noise": {}}

    def draw(
        self, streams: Streams, uses: int, state: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        h, state = Rician().draw(streams, uses, state)
        self._keep("h", streams, h)
        return h, state

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Streams) -> Received:
        received = super().apply(x, h, no, streams)
        self._keep("noise", streams, received.y - h * x)
        return received

    def _keep(self, kind: str, streams: Streams, values: Tensor) -> None:
        for image, row in zip(streams.images.tolist(), values, strict=True):
            self.log[kind][streams.point, streams.transmission, image] = row


def rival(networks: Networks) -> Scheme:
    """Another scheme: two features on a use, and far more insistent."""
    link = networks.link("semharq")
    return SemanticHarq(
        networks.encoder.network,
        link,
        PROTOCOLS["semharq"],
        SemanticHarqArguments(theta_0_db=20.0, features_per_use=2),
    )


def test_two_schemes_meet_the_same_fading_and_noise(spec: RunSpec) -> None:
    seen = {}
    for scheme in ("semharq", f"{__name__}:rival"):
        for log in Recording.log.values():
            log.clear()
        name = f"{__name__}:Recording"
        run_spec(replace(spec, channel=name, schemes=(scheme,), snr_db=(-6.0, 6.0)))
        seen[scheme] = {kind: dict(log) for kind, log in Recording.log.items()}
    ours, theirs = seen.values()
    for kind, tolerance in (("h", 0.0), ("noise", 1e-5)):
        common = ours[kind].keys() & theirs[kind].keys()
        assert {slot for _, slot, _ in common} >= {0, 1}
        assert len({cell for cell, _, _ in common}) == 2
        for key in common:
            a, b = ours[kind][key], theirs[kind][key]
            n = min(len(a), len(b))
            assert len(a) != len(b)
            assert (a[:n] - b[:n]).abs().max() <= tolerance
    drawn = torch.stack([row[:5] for row in ours["h"].values()])
    assert len(np.unique(drawn.numpy())) == drawn.numel()  # and no two cells, slots, images share


def test_subset_is_the_same_for_every_scheme_and_whole_vehicles(spec: RunSpec) -> None:
    result = run_spec(replace(spec, images=15, snr_db=(0.0,)))
    files = {name: set(rows["file"]) for name, rows in result.images.groupby("scheme")}
    assert files["semharq"] == files["perfect"]
    assert len(files["perfect"]) == 15
    assert result.images["vehicle"].nunique() == 3


def test_progress_ends_at_its_total(spec: RunSpec) -> None:
    seen: list[tuple[str, int, int]] = []
    run_spec(spec, lambda *step: seen.append(step))
    simulating = [(done, total) for what, done, total in seen if what == "simulating"]
    assert simulating[-1] == (240, 240)
    assert simulating == sorted(simulating)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"channel": f"{__name__}:run_spec"}, "is a function, it must be a subclass of .*Channel"),
        (
            {"channel": f"{__name__}:choose_device", "channel_args": (("device", "cpu"),)},
            "is a function, it must be a subclass of .*Channel",
        ),
        ({"channel": f"{__name__}:Absent"}, "cannot be imported"),
        ({"channel": "no.such.module:X"}, "cannot be imported: .*No module named 'no'"),
        ({"channel": ".relative:X"}, "cannot be imported"),
        ({"channel": "os:path"}, "is a module, not a class"),
        ({"channel": "awgn", "channel_args": (("fading", "fast"),)}, "no argument 'fading'"),
        ({"channel_args": (("k_faktor", 2),)}, "no argument 'k_faktor'; nearest: 'k_factor'"),
        ({"channel_args": (("k_factor", "two"),)}, "k_factor 'two' is not a number"),
        ({"scheme_args": (("theta_0", 2),)}, "no argument 'theta_0'.*nearest: 'theta_0_db'"),
        ({"data": "nowhere"}, "data set 'nowhere' is neither synthetic"),
        ({"weights": "nowhere"}, "no weights for 'encoder'"),
        ({"device": "cuda:99"}, "device cuda:99 is not there"),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(value),
)
def test_mistakes_show_before_any_work(
    spec: RunSpec, changes: dict[str, object], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        prepare(replace(spec, **changes))
    assert "\n" not in str(caught.value)


def test_arguments_reach_the_schemes_that_take_them(spec: RunSpec) -> None:
    prepared = prepare(replace(spec, scheme_args=(("theta_0_db", 10.0),)))
    schemes = build_schemes(prepared.networks)
    assert isinstance(schemes["semharq"], SemanticHarq)
    assert schemes["semharq"].arguments.theta_0_db == 10.0


def test_auto_device_is_there() -> None:
    assert choose_device("auto") == ("cuda:0" if torch.cuda.is_available() else "cpu")
    assert choose_device("cpu") == "cpu"
