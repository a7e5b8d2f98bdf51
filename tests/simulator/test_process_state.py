"""No part of a run draws from a global generator or changes a setting that all parts share."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import toy_parts
from torch import Tensor

from phy.streams import Streams
from simulator.process_state import generators_left_alone, settings_left_alone
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.sweep import run

Draw = Callable[[], object]
DRAWS: dict[str, Draw] = {
    "torch": lambda: torch.randn(3),
    "numpy.random": lambda: np.random.standard_normal(3),  # noqa: NPY002
    "random": random.random,
    "torch, numpy.random": lambda: (torch.manual_seed(5), np.random.seed(5)),  # noqa: NPY002
}
SETTINGS: dict[str, Draw] = {
    "torch's default type was torch.float32, one of them has set it to torch.float64": lambda: (
        torch.set_default_dtype(torch.float64)
    ),
    "torch's precision of matrix products": lambda: torch.set_float32_matmul_precision("medium"),
    "torch's deterministic algorithms": lambda: torch.use_deterministic_algorithms(True),
    "numpy's treatment of errors": lambda: np.seterr(all="raise"),
}


class Meddling(toy_parts.Rayleigh):
    """Rayleigh fading that does something else as well."""

    act: Draw = staticmethod(lambda: None)

    def draw(
        self, streams: Streams, uses: int, state: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        self.act()
        return super().draw(streams, uses, state)


@pytest.mark.parametrize("generator", DRAWS)
def test_a_global_generator_is_refused(generator: str) -> None:
    with (
        pytest.raises(ValueError, match=f"channel own: one of them uses .* of {generator}, so"),
        generators_left_alone("channel own"),
    ):
        DRAWS[generator]()


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_global_setting_is_refused_and_restored(setting: str) -> None:
    before = torch.get_default_dtype(), torch.get_float32_matmul_precision(), np.geterr()
    with pytest.raises(ValueError, match=setting), settings_left_alone("channel own"):
        SETTINGS[setting]()
    with pytest.raises(KeyError, match="its own"), settings_left_alone("channel own"):
        raise KeyError("its own", SETTINGS[setting]())
    now = torch.get_default_dtype(), torch.get_float32_matmul_precision(), np.geterr()
    assert now == before
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.integration
def test_a_run_refuses_both(
    tiny_weights: Path, folder_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toy_parts, "Meddling", Meddling, raising=False)
    spec = RunSpec(
        schemes=("toy_parts:plain",),
        snr_db=(0.0,),
        channel="toy_parts:Meddling",
        data=str(folder_data),
        weights=str(tiny_weights),
        images=10,
    )
    run(prepare(spec))
    for act, problem in (
        (DRAWS["torch"], "uses the global generator of torch"),
        (SETTINGS["numpy's treatment of errors"], "which changes the numbers of all others"),
    ):
        monkeypatch.setattr(Meddling, "act", staticmethod(act))
        with pytest.raises(ValueError, match=problem) as caught:
            run(prepare(replace(spec, seed=1)))
        assert "scheme toy_parts:plain and channel toy_parts:Meddling" in str(caught.value)
