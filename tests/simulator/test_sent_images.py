"""What is sent of which: as if each were encoded alone, made once, and found again on disk."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from semantic.data.dataset import VehicleImages
from semantic.data.opening import open_dataset
from semantic.weights.stored import EncoderBundle, load_encoder
from simulator.codecs.image_codecs import ImageCodec
from simulator.codecs.pillow_codecs import PillowCodec
from simulator.codecs.sent_images import BLOCK, SentImages
from simulator.encoded_dataset import EncodedDataset
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.cells import CellRunner, Point

pytestmark = pytest.mark.integration

COUNT, LIMIT = 40, 700
assert BLOCK < COUNT < 2 * BLOCK


@pytest.fixture(scope="module")
def encoder(tiny_weights: Path) -> EncoderBundle:
    return load_encoder(str(tiny_weights))


@pytest.fixture(scope="module")
def images(folder_data: Path) -> VehicleImages:
    return open_dataset(str(folder_data))


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEMHARQ_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@dataclass
class Worker:
    """What one process makes for itself, counted."""

    images: VehicleImages
    encoder: EncoderBundle
    codec: ImageCodec = field(default_factory=ImageCodec)
    made: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        encoded = EncodedDataset(self.images, self.encoder, "cpu", lambda what, done, total: None)
        codec = replace(self.codec)
        for owner, name in ((encoded, "encode_pixels"), (codec, "save")):
            # An object's own attribute, also of a frozen one.
            object.__setattr__(owner, name, self.counted(name, getattr(owner, name)))
        self.sent = SentImages(codec, encoded)

    def counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.made[name] += 1
            return function(*arguments)

        return call

    def work(self, which: list[int], limit: int = LIMIT) -> tuple[list[bytes], torch.Tensor]:
        files = self.sent.files(which, limit)
        rows = [self.sent.s(data) for data in files]
        return files, torch.stack([row for row in rows if row is not None])


EVERY = list(range(COUNT))


def test_as_if_each_image_were_alone(images: VehicleImages, encoder: EncoderBundle) -> None:
    worker = Worker(images, encoder)
    which = [39, 3, 17, 3]
    for limit in (LIMIT, 10, LIMIT + 60):
        files, s = worker.work(which, limit)
        pixels = worker.sent.encoded.pixels(np.array(which))
        assert files == [ImageCodec().encode(p, limit, oversize=True) for p in pixels]
        arrived = np.stack([ImageCodec().decode(data, pixels.shape[1:3]) for data in files])
        assert torch.equal(s, EncodedDataset.encode_pixels(worker.sent.encoded, arrived))
    assert worker.sent.s(files[0][:-1]) is None
    assert worker.sent.s(b"") is None


def test_another_worker_finds_everything(images: VehicleImages, encoder: EncoderBundle) -> None:
    """Also what it needs in another order; what which nobody asked for cost is not spent."""
    first, second = Worker(images, encoder), Worker(images, encoder)
    few, few_s = first.work(EVERY[: BLOCK // 2])
    assert first.made["encode_pixels"] == 1
    files, s = first.work(EVERY)
    assert first.made["encode_pixels"] == 2
    assert first.made["save"] > 0
    assert (few, few_s.tolist()) == (files[: BLOCK // 2], s[: BLOCK // 2].tolist())
    found, found_s = second.work(EVERY[::-1])
    assert second.made.total() == 0
    assert found == files[::-1]
    assert torch.equal(found_s, s.flip(0))


def test_files_are_made_without_the_encoder(images: VehicleImages, encoder: EncoderBundle) -> None:
    worker = Worker(images, encoder)
    worker.sent.files(EVERY, LIMIT)
    assert worker.made["encode_pixels"] == 0


def test_what_matters_makes_other_entries(
    images: VehicleImages, encoder: EncoderBundle, fresh_cache: Path
) -> None:
    def made(worker: Worker, limit: int = LIMIT) -> dict[str, int]:
        worker.work(EVERY, limit)
        return dict(worker.made)

    before = made(Worker(images, encoder))
    assert made(Worker(images, encoder), LIMIT + 1)["save"] > 0
    assert made(Worker(images.subset(np.arange(COUNT)[::-1]), encoder)) == before
    assert made(Worker(images, encoder, ImageCodec("webp")))["encode_pixels"] == 2
    other = EncoderBundle(encoder.network, encoder.config, {"encoder": "other"})
    assert made(Worker(images, other)) == {"encode_pixels": 2}  # the files are the same
    smaller = EncoderBundle(encoder.network, {**encoder.config, "image_size": 40}, encoder.hashes)
    assert made(Worker(images, smaller))["encode_pixels"] == 2
    assert made(Worker(images, encoder)) == {}
    assert {path.name.split("-")[0] for path in fresh_cache.iterdir()} == {
        *("arrived", "files", "readable")
    }


def test_a_fixed_quality_is_one_entry_for_all_limits(
    images: VehicleImages, encoder: EncoderBundle
) -> None:
    codec = ImageCodec(quality=40)
    files, _ = Worker(images, encoder, codec).work(EVERY, 10)
    again = Worker(images, encoder, codec)
    assert again.work(EVERY, 10**6)[0] == files
    assert again.made.total() == 0


def test_a_damaged_cache_costs_time_and_no_result(
    images: VehicleImages, encoder: EncoderBundle, fresh_cache: Path
) -> None:
    files, s = Worker(images, encoder).work(EVERY)
    for path in sorted(fresh_cache.iterdir()):
        data = path.read_bytes()
        header = 8 + int.from_bytes(data[:8], "little")
        for place in (header + 1, header + (len(data) - header) // 2, len(data) - 1, len(data)):
            flipped = bytearray(data)
            if place < len(data):
                flipped[place] ^= 0x10
            path.write_bytes(flipped if place < len(data) else data[: len(data) // 2])
            found, found_s = Worker(images, encoder).work(EVERY)
            assert found == files
            assert torch.equal(found_s, s)
    again = Worker(images, encoder)  # all is in its place again
    again.work(EVERY)
    assert again.made.total() == 0


def test_a_cache_that_cannot_be_written(
    images: VehicleImages, encoder: EncoderBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, s = Worker(images, encoder).work(EVERY)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SEMHARQ_CACHE", str(tmp_path / "file" / "cache"))
    worker = Worker(images, encoder)
    for _ in range(2):
        found, found_s = worker.work(EVERY)
        assert found == files
        assert torch.equal(found_s, s)
        assert worker.made["encode_pixels"] == 2, "memory keeps it"


class Own(PillowCodec):
    """A codec of a user's own, whose code may change from run to run."""

    def __init__(self) -> None:
        super().__init__("jpeg")


def test_a_codec_of_a_users_own_is_not_kept_on_disk(
    images: VehicleImages, encoder: EncoderBundle, fresh_cache: Path
) -> None:
    codec = ImageCodec("test_sent_images:Own")
    for _ in range(2):
        worker = Worker(images, encoder, codec)
        worker.work(EVERY)
        worker.work(EVERY)
        assert worker.made["encode_pixels"] == 2
    assert [path.name.split("-")[0] for path in fresh_cache.iterdir()] == ["readable"]


def test_places_are_those_of_readable_images(
    images: VehicleImages, encoder: EncoderBundle, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(images.read(2)[:60])
    files = list(images.files)
    files[2] = type(files[2])("broken.png", broken)
    worker = Worker(replace_files(images, files), encoder)
    rest = [n for n in EVERY if n != 2]
    assert worker.work(EVERY[:-1])[0] == Worker(images, encoder).work(rest)[0]


def replace_files(images: VehicleImages, files: list[Any]) -> VehicleImages:
    columns = (images.vehicle, images.camera, images.color, images.type, images.is_query)
    return VehicleImages("damaged", tuple(files), *columns)


def test_cells_at_work_together_begin_with_different_images(
    tiny_weights: Path, folder_data: Path
) -> None:
    spec = RunSpec(
        schemes=("toy_parts:plain",),
        snr_db=(0.0, 1.0, 2.0, 3.0),
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=4e6,
        batch_size=10,
    )
    orders = []
    for snr_db in spec.snr_db:
        bench = CellRunner(prepare(spec), lambda what, done, total: None)
        (cell,) = bench.cells(Point("toy_parts:plain", snr_db, 0), 16384)
        bench.compute(cell)
        orders.append([first for _, first, _ in bench._payloads])
    assert orders == [[0, 10, 20, 30], [20, 30, 0, 10], [10, 20, 30, 0], [30, 0, 10, 20]]
