"""The refit of the performers goes on where it was interrupted, and on its own data alone."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from semantic.tasks import TaskPerformers
from semantic.training.labels import Labels
from semantic.training.performers import PerformersRecipe, refit_performers

RECIPE = PerformersRecipe(steps=4, vehicles_per_batch=2, images_per_vehicle=2)


def refit(path: Path, s: Tensor, kill_at: int | None = None) -> dict[str, Tensor]:
    """The state of performers of 16 features after the refit; the checkpoints are of every step."""

    def report(step: int, terms: dict[str, float]) -> None:
        if step == kill_at:
            raise EOFError

    torch.manual_seed(0)
    performers = TaskPerformers(3, n=16)
    torch.rand(3 if kill_at is None else 4)  # whatever else draws random numbers
    column = torch.arange(3).repeat_interleave(2)
    labels = Labels(column, column, column)
    refit_performers(performers, s, labels, RECIPE, path, report, checkpoint_every=1)
    return performers.state_dict()


def test_a_killed_refit_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    s = torch.randn(6, 16, generator=torch.Generator().manual_seed(1))
    whole = refit(tmp_path / "whole.safetensors", s)
    with pytest.raises(EOFError):
        refit(tmp_path / "killed.safetensors", s, kill_at=2)
    resumed = refit(tmp_path / "killed.safetensors", s)
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_a_checkpoint_of_other_data_of_the_same_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    refit(path, torch.zeros(6, 16))
    with pytest.raises(ValueError, match=r"written by a run with other settings \(data\)"):
        refit(path, torch.ones(6, 16))


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    refit(path, torch.zeros(6, 16))
    other = replace(RECIPE, dropout=0.5)
    column = torch.arange(3).repeat_interleave(2)
    with pytest.raises(ValueError, match=r"other settings \(recipe\)"):
        refit_performers(
            *(TaskPerformers(3, n=16), torch.zeros(6, 16), Labels(column, column, column)),
            *(other, path, lambda step, terms: None),
        )
