"""Encoded once: the cache of encoder outputs survives everything but a change of its inputs."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from semantic.data.dataset import ImageFile, VehicleImages
from semantic.data.opening import open_dataset
from semantic.weights.stored import EncoderBundle, load_encoder
from simulator.cache import cache_directory
from simulator.encoded_dataset import EncodedDataset, Features
from simulator.encoder_cache import image_hashes


@pytest.fixture(scope="module")
def encoder(tiny_weights: Path) -> EncoderBundle:
    return load_encoder(str(tiny_weights))


@pytest.fixture
def images(folder_data: Path) -> VehicleImages:
    return open_dataset(str(folder_data)).subset(np.arange(6))


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEMHARQ_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Counting(EncodedDataset):
    """Counts how often pixels are encoded."""

    calls = 0

    def encode_pixels(self, pixels: np.ndarray) -> torch.Tensor:
        self.calls += 1
        return super().encode_pixels(pixels)


def encoded(images: VehicleImages, encoder: EncoderBundle) -> tuple[Features, int]:
    encoded = Counting(images, encoder, "cpu", lambda what, done, total: None)
    return encoded.features, encoded.calls


def same(a: Features, b: Features) -> bool:
    return torch.equal(a.s, b.s) and np.array_equal(a.kept, b.kept) and a.problems == b.problems


def test_the_second_run_does_not_encode(images: VehicleImages, encoder: EncoderBundle) -> None:
    first, calls = encoded(images, encoder)
    assert calls == 1
    assert first.s.shape == (6, 1024)
    second, calls = encoded(images, encoder)
    assert calls == 0
    assert same(first, second)


def test_a_subset_of_encoded_images_is_not_encoded(
    images: VehicleImages, encoder: EncoderBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `--images N` right after a run over all images; its numbers are the same bit for bit."""
    encoded(images, encoder)
    subset = images.subset([4, 1, 3])
    found, calls = encoded(subset, encoder)
    assert calls == 0
    monkeypatch.setenv("SEMHARQ_CACHE", str(tmp_path / "empty"))
    alone, calls = encoded(subset, encoder)
    assert calls == 1
    assert same(found, alone)
    more, calls = encoded(images, encoder)  # and not the other way round
    assert calls == 1
    assert len(more.s) == 6


def test_other_images_or_weights_are_other_entries(
    images: VehicleImages, encoder: EncoderBundle, fresh_cache: Path, folder_data: Path
) -> None:
    encoded(images, encoder)
    assert encoded(open_dataset(str(folder_data)).subset(np.arange(7)), encoder)[1] == 1
    assert (
        encoded(images, EncoderBundle(encoder.network, encoder.config, {"encoder": "other"}))[1]
        == 1
    )
    smaller = {**encoder.config, "image_size": 40}
    assert encoded(images, EncoderBundle(encoder.network, smaller, encoder.hashes))[1] == 1
    assert len(list(fresh_cache.glob("s-*"))) == 4


@pytest.mark.integration
def test_a_damaged_cache_file_is_computed_again(
    images: VehicleImages, encoder: EncoderBundle, fresh_cache: Path
) -> None:
    right, _ = encoded(images, encoder)
    (path,) = fresh_cache.glob("s-*")
    data = path.read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    damaged = [data[:n] for n in (0, 4, 8, header // 2, header, header + 100, len(data) - 1)]
    for place in (0, 7, 20, header // 2, header - 3, header + 1, len(data) // 2, len(data) - 1):
        flipped = bytearray(data)
        flipped[place] ^= 0x10
        damaged.append(bytes(flipped))
    damaged += [b"not a cache", data + b"more"]
    for content in damaged:
        path.write_bytes(content)
        found, calls = encoded(images, encoder)
        assert same(found, right)
        assert calls == 1
        assert encoded(images, encoder)[1] == 0  # and put in its place again


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    images: VehicleImages, encoder: EncoderBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, _ = encoded(images, encoder)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SEMHARQ_CACHE", str(tmp_path / "file" / "cache"))
    for _ in range(2):
        found, calls = encoded(images, encoder)
        assert calls == 1
        assert same(found, right)


def test_unreadable_images_are_left_out_and_named_also_from_the_cache(
    folder_data: Path, encoder: EncoderBundle, tmp_path: Path
) -> None:
    images = open_dataset(str(folder_data)).subset(np.arange(4))
    broken = tmp_path / "broken.png"
    broken.write_bytes(images.read(2)[:60])
    files = list(images.files)
    files[2] = type(files[2])("broken.png", broken)
    damaged = VehicleImages(
        "damaged",
        tuple(files),
        images.vehicle,
        images.camera,
        images.color,
        images.type,
        images.is_query,
    )
    for expected in (1, 0):
        counting = Counting(damaged, encoder, "cpu", lambda what, done, total: None)
        readable = counting.readable  # the same without encoding, with and without the cache
        assert (readable.kept.tolist(), counting.calls) == ([0, 1, 3], 0)
        found, calls = encoded(damaged, encoder)
        assert readable.problems == found.problems
        assert calls == expected
        assert found.kept.tolist() == [0, 1, 3]
        assert len(found.problems) == 1
        assert found.problems[0].startswith("broken.png: ")
    assert torch.equal(found.s, encoded(images, encoder)[0].s[[0, 1, 3]])


def test_no_leftovers(images: VehicleImages, encoder: EncoderBundle, fresh_cache: Path) -> None:
    encoded(images, encoder)
    assert {path.suffix for path in fresh_cache.iterdir()} == {".safetensors"}
    assert not list(fresh_cache.glob(".*"))


def test_a_damaged_list_of_files_is_as_none(
    images: VehicleImages, encoder: EncoderBundle, fresh_cache: Path
) -> None:
    encoded(images, encoder)
    (path,) = fresh_cache.glob("encoded-*")
    path.write_bytes(b"damaged")
    assert encoded(images.subset([0, 1]), encoder)[1] == 1


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SEMHARQ_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "semharq-sim"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_directory() == Path.home() / ".cache" / "semharq-sim"


def test_the_bytes_of_an_image_are_hashed_once(
    images: VehicleImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The identity of a run and the encoder's cache both need the hashes."""
    reads: Counter[str] = Counter()
    read = ImageFile.read

    def counting(self: ImageFile) -> bytes:
        reads[self.name] += 1
        return read(self)

    monkeypatch.setattr(ImageFile, "read", counting)
    fresh = images.subset(np.arange(len(images)))
    fresh.content_hash()
    image_hashes(fresh)
    assert set(reads.values()) == {1}
