"""s of the training images: plain views of all, changed views of the extra data alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from semantic.data.opening import open_dataset
from simulator.training.presets import presets
from simulator.training.stage import Stage, TrainingImages
from simulator.training.views import encoder_outputs, outputs_path


class MeanColor(nn.Module):
    """An encoder: the mean of each channel of the left half of an image."""

    def forward(self, x: Tensor) -> Tensor:
        return x[..., : x.shape[-1] // 2].mean((2, 3))


def network() -> nn.Module:
    net = nn.Module()
    net.encoder = MeanColor()
    return net


def stage(out: Path, **changes: int) -> Stage:
    preset = replace(presets(64)["synthetic"], image_size=32, **changes)
    return Stage(out, preset, (), "cpu", lambda line: None)


def training_images(extra: list[int]) -> TrainingImages:
    images = open_dataset("synthetic").subset(np.arange(6))
    pixels = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    return TrainingImages(images, pixels, np.isin(np.arange(6), extra))


def test_changed_views_are_of_the_extra_images_alone(tmp_path: Path) -> None:
    images = training_images([4, 5])
    plain, _ = encoder_outputs(stage(tmp_path), network(), images)
    s, labels = encoder_outputs(stage(tmp_path), network(), images, extra_views=3)
    assert plain.shape == (12, 3)  # as they are, and mirrored
    assert s.shape == (12 + 2 * 3, 3)
    assert torch.equal(s[:12], plain)
    assert not (s[12:14] == s[14:16]).any()  # every view is another change
    for column in labels.columns:
        assert torch.equal(column[12:], torch.cat([column[4:6]] * 3))
        assert torch.equal(column[:6], column[6:12])


def test_links_of_all_seeds_share_the_changed_views(tmp_path: Path) -> None:
    found = []
    for seed in (0, 1):
        of_seed = stage(tmp_path / str(seed))
        of_seed.out.mkdir()
        link = replace(of_seed.preset.link, seed=seed)
        of_seed = replace(of_seed, preset=replace(of_seed.preset, link=link))
        found.append(encoder_outputs(of_seed, network(), training_images([4]), extra_views=2)[0])
    assert torch.equal(*found)


def test_without_extra_data_no_view_is_added(tmp_path: Path) -> None:
    images = training_images([])
    with_views, _ = encoder_outputs(stage(tmp_path), network(), images, extra_views=3)
    assert len(with_views) == 12


def test_cached_views_belong_to_images_views_and_encoder(tmp_path: Path) -> None:
    net = network()
    net.encoder.register_buffer("weight", torch.zeros(1))
    paths = {
        outputs_path(tmp_path, net, training_images(extra), views)
        for extra, views in (([], 0), ([4], 1), ([4], 2), ([5], 1))
    }
    assert len(paths) == 4
    assert outputs_path(tmp_path, net, training_images([]), 7) in paths
    net.encoder.weight += 1
    assert outputs_path(tmp_path, net, training_images([]), 0) not in paths
