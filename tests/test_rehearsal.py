"""The rehearsal at VeRi-776's size, on a few images."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.veri_rehearsal import compared, growth
from benchmarks.veri_tree import Size, write_tree
from semantic.data.opening import open_dataset
from semantic.data.veri import open_veri


def test_the_sizes_are_those_of_veri() -> None:
    assert (Size().train, Size().gallery, Size().queries) == (37_778, 11_579, 1_678)
    tenth = Size().share(0.1)
    assert (tenth.train, tenth.gallery, tenth.queries) == (3_778, 1_158, 168)
    assert tenth.train_vehicles == 576


@pytest.mark.integration
def test_a_tree_opens_as_veri(tmp_path: Path) -> None:
    size = Size(train=40, gallery=60, queries=8, train_vehicles=10, test_vehicles=6)
    write_tree(tmp_path / "VeRi", size)
    train, test = (open_veri(tmp_path / "VeRi", split) for split in ("train", "test"))
    assert len(train) == 40
    assert len(set(train.vehicle)) == 10
    assert int(test.is_query.sum()) == 8
    assert len(test) == 68
    assert not set(train.vehicle) & set(test.vehicle)
    assert not test.left_out
    assert (test.color >= 0).all()
    assert len(train.file_hashes() | test.file_hashes()) == 100  # a query is a gallery image too
    assert len(open_dataset(f"veri:{tmp_path / 'VeRi'}")) == 68


def test_a_step_that_grows_faster_than_the_images_is_seen() -> None:
    half = pd.DataFrame({"step": ["a", "b"], "seconds": [1.0, 1.0], "peak_mb": [1.0, 1.0]})
    found = growth(half.assign(seconds=[2.0, 4.0]), half)
    assert found["growth"].tolist() == [1.0, 2.0]


@pytest.mark.slow
@pytest.mark.integration
def test_the_rehearsal_runs_all_steps(tmp_path: Path) -> None:
    size = Size(train=40, gallery=48, queries=8, train_vehicles=10, test_vehicles=4)
    table = compared(tmp_path, size, "perfect", "0,4")
    assert len(table) == 8
    assert (table["seconds"] >= 0).all()
    assert (table["peak_mb"] > 100).all()
    assert (tmp_path / "whole" / "run" / "report.html").exists()
