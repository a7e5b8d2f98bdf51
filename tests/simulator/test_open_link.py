"""An opened link sends images as a run does: same numbers, own images, own channels, records."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from random_weights import IDENTITIES

from phy.channels.fading import Rician
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS
from semantic.plus.network import PlusNetwork
from semantic.weights.stored import PLUS, save_link, save_plus
from simulator import open_link
from simulator.catalog import SCHEMES
from simulator.columns import names
from simulator.interactive.opened_link import Link
from simulator.setup.prepare import Prepared, prepare
from simulator.spec import RunSpec
from simulator.sweeps.sweep import run

pytestmark = pytest.mark.integration

#: Analog, random by image number, innovations, features as bits, files, and no channel.
FEW = ("semharq", "smsc-random", PLUS, "digital-features", "jpeg-ldpc-16qam-harq", "perfect")
#: Images that are sent, by their numbers among ten of the folder.
SENT = [1, 3, 9]
SNR_DB, SEED = 1.0, 4

LinkOf = Callable[[str], Link]


def opened(schemes: tuple[str, ...], data: Path, weights: Path) -> Prepared:
    """Schemes that share budget, block fading and errors on the feedback link."""
    return prepare(
        RunSpec(
            schemes=schemes,
            snr_db=(SNR_DB,),
            channel_args=(("fading", "block"),),
            data=str(data),
            images=10,
            weights=str(weights),
            budget="uses",
            bandwidth_hz=1e6,
            impairments=(("feedback_error", 0.05),),
            seed=SEED,
            device="cpu",
        )
    )


def link_to(prepared: Prepared, name: str) -> Link:
    """A link with one of the opened schemes."""
    spec = replace(prepared.spec, schemes=(name,))
    return Link(replace(prepared, spec=spec, schemes={name: prepared.schemes[name]}))


@pytest.fixture(scope="module")
def weights(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the few schemes."""
    root = tmp_path_factory.mktemp("weights")
    shutil.copytree(tiny_weights, root, dirs_exist_ok=True)
    link = LinkNetwork(IDENTITIES, detector=PROTOCOLS["smsc-random"].detector)
    save_link(root / "smsc-random.safetensors", link.eval(), {})
    save_plus(root / f"{PLUS}.safetensors", PlusNetwork(IDENTITIES).eval(), {})
    return root


@pytest.fixture(scope="module")
def prepared(weights: Path, folder_data: Path) -> Prepared:
    return opened(FEW, folder_data, weights)


@pytest.fixture(scope="module")
def rows(prepared: Prepared) -> pd.DataFrame:
    """Per-image rows of a run of the few schemes."""
    return run(prepared).images


@pytest.fixture(scope="module")
def semharq(prepared: Prepared) -> Link:
    return link_to(prepared, "semharq")


def check_against_a_run(link: Link, rows: pd.DataFrame) -> None:
    """Sends some of a run's images, and compares every column with the run's."""
    sent = link.send(SENT, SNR_DB, seed=SEED)
    some = (rows["scheme"] == link.scheme) & rows["image"].isin(SENT)
    expected = rows[some].reset_index(drop=True)
    own = [name for name in sent.table.columns if name in expected]
    assert set(names("images.parquet")) - {*own} == {"rank1_hit", "average_precision", "training"}
    assert {*expected, *sent.table} <= {*names("images.parquet")}  # no column without its meaning
    pd.testing.assert_frame_equal(sent.table, expected[own], check_exact=True, check_dtype=False)
    assert sent.channel_uses.tolist() == expected["channel_uses"].tolist()
    by_image = sent.history.groupby("image")
    assert by_image["channel_uses"].sum().tolist() == sent.channel_uses.tolist()
    assert by_image["color_predicted"].last().tolist() == sent.predictions.color.tolist()
    assert list(sent.history.columns) == names("Sent.history")
    assert list(sent.features.columns) == names("Sent.features")


@pytest.mark.parametrize("scheme", FEW)
def test_an_image_that_is_sent_equals_its_row_of_a_run(
    scheme: str, prepared: Prepared, rows: pd.DataFrame
) -> None:
    check_against_a_run(link_to(prepared, scheme), rows)


@pytest.mark.slow
def test_images_of_every_scheme_equal_their_rows(all_weights: Path, folder_data: Path) -> None:
    everything = opened(tuple(SCHEMES), folder_data, all_weights)
    found = run(everything).images
    for scheme in SCHEMES:
        check_against_a_run(link_to(everything, scheme), found)


def test_features_of_a_transmission_are_new_or_repeated(semharq: Link) -> None:
    sent = semharq.send(range(6), snr_db=-4)
    for (_, _, _, transmission), rows in sent.features.groupby(list(sent.features.columns[:4])):
        assert transmission > 1 or not rows["repeated"].any()
        assert rows["feature"].is_unique
    seen = sent.features.groupby(["image", "feature"])["repeated"]
    assert (seen.sum() == seen.size() - 1).all()  # new once, repeated otherwise
    assert sent.features["repeated"].any()
    counts = sent.history["new_features"] + sent.history["repeated_features"]
    assert (counts == sent.history["channel_uses"]).all()


def test_one_image_in_every_form_gives_the_same(
    semharq: Link, folder_data: Path, tmp_path: Path
) -> None:
    file = folder_data / "00_c0.png"
    image = Image.open(file)
    tilted = image.transpose(Image.Transpose.ROTATE_90)
    tilted.save(tmp_path / "tilted.png", exif=_orientation(6))
    forms = [file, str(file), image, np.asarray(image), tmp_path / "tilted.png"]
    forms.append(Image.open(tmp_path / "tilted.png"))
    found = [semharq.send(form, 0, numbers=7) for form in forms]
    for sent in found[1:]:
        columns = [name for name in sent.table if name != "file"]
        pd.testing.assert_frame_equal(sent.table[columns], found[0].table[columns])
    assert np.array_equal(found[0].pixels, found[-1].pixels)
    other = semharq.send(file, 0, numbers=8)
    assert not np.array_equal(other.predictions.embedding, found[0].predictions.embedding)


def _orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def test_arrays_have_an_axis_for_each_list(semharq: Link) -> None:
    one = semharq.send(3, 0)
    assert isinstance(one.transmissions, int)
    assert isinstance(one.predictions.color, str)
    assert one.predictions.color_probabilities.shape == (10,)
    assert one.predictions.color_probabilities.sum() == pytest.approx(1)
    many = semharq.send([3, 5], "-4:4:4", seed=range(2))
    assert many.transmissions.shape == many.predictions.type.shape == (3, 2, 2)
    assert many.predictions.embedding.shape == (3, 2, 2, 1024)
    assert semharq.send([3], [0]).stopped_by.shape == (1, 1)
    whole = semharq.send(np.zeros((2, 40, 50, 3), np.uint8), 0)
    assert whole.channel_uses.shape == (2,)
    at = many.table.query("snr_db == 0 and seed == 1 and image == 5").iloc[0]
    assert many.energy[1, 1, 1] == at["energy"]
    same = semharq.send(5, 0, seed=1)
    assert same.energy == at["energy"]


def test_a_record_shows_itself(semharq: Link) -> None:
    one, many = semharq.send(3, -4), semharq.send([3, 5], -4)
    assert "after" in repr(one)
    assert "channel uses" in repr(one)
    assert "2 images" in repr(many)
    assert repr(one.predictions).startswith("Predictions(color='")
    assert many._repr_html_().count("<tr") == 3
    assert "semharq" in repr(semharq)
    png = many.show(image=1)._repr_png_()
    assert png.startswith(b"\x89PNG")
    figure = one.show()
    assert [ax.get_xlabel() for ax in figure.axes][1:] == [
        "feature (position)",
        "transmission",
        "transmission",
    ]
    with pytest.raises(ValueError, match="SNR 3 was not sent; there are -4"):
        one.show(snr_db=3)


@pytest.mark.parametrize(
    ("images", "arguments", "problem"),
    [
        ("no.png", {}, "image 'no.png' is no file"),
        (41, {}, "image 41 is not in .*, its images are 0 to 9"),
        (np.zeros((4, 4)), {}, r"an array float64 \[4, 4\], it must be uint8 \[height, width, 3\]"),
        (3.5, {}, "image 0 is a float, it must be the path of a file"),
        ([], {}, "no images were given"),
        ([1, 1], {}, "two images have the number 1; give numbers"),
        ([1, 2], {"numbers": [3]}, "1 numbers were given for 2 images"),
        (1, {"snr_db": 1000}, "SNR in dB 1000 is not allowed, it must be -100 to 100"),
        (1, {"seed": -1}, "seed -1 is not allowed"),
        (np.zeros((2, 2), np.uint8), {}, "image 0: 2x2 pixels, must be at least 4x4"),
    ],
)
def test_what_cannot_be_sent_is_one_line(
    images: object, arguments: dict[str, object], problem: str, semharq: Link
) -> None:
    with pytest.raises(ValueError, match=problem) as found:
        semharq.send(images, **{"snr_db": 0, **arguments})  # type: ignore[arg-type]
    assert "\n" not in str(found.value)


class Silent(Rician):
    """A channel of one's own, as a notebook would define it: no fading."""

    def draw(self, streams, uses, state):  # type: ignore[no-untyped-def]
        return torch.ones(len(streams), 1, dtype=torch.complex64), None


def test_a_channel_object_of_ones_own(weights: Path, folder_data: Path) -> None:
    given = {"weights": str(weights), "data": str(folder_data), "device": "cpu"}
    link = open_link("digital-features", channel=Silent(), bandwidth_hz=1e6, **given)
    assert link.spec.channel_label == "test_open_link:Silent"
    assert link.send(3, 20).transmissions == 1
    for fields, problem in (
        ({"channel": Silent}, r"channel is the class Silent: give an object, Silent\(...\)"),
        ({"channel": Silent(), "fading": "block"}, "fading was given beside a channel object"),
        ({"channel": "ricean"}, "unknown channel 'ricean': nearest: 'rician'"),
        ({"chanel": "rician"}, "unknown field 'chanel' in the spec: nearest: 'channel'"),
    ):
        with pytest.raises(ValueError, match=problem):
            open_link("perfect", **{**given, **fields})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a link has one scheme"):
        open_link("perfect,semharq", **given)
