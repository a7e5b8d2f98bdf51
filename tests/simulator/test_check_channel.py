"""The check of a channel names the mistake of every broken one, and finds none in sound ones."""

import broken_parts as parts
import cheating_channels as cheats
import numpy as np
import pytest

from phy.channel import Channel
from simulator import check_channel
from simulator.checks.laws import _one_sample
from simulator.checks.report import Report, mean_is

WRONG_CHANNELS: list[tuple[type[Channel], str, str]] = [
    (parts.ThreeAxes, "draw: h", "shape [6, 0, 1]"),
    (parts.Double, "draw: h", "torch.complex128"),
    (parts.NoState, "shapes", "ValueError"),
    (parts.NotANumber, "draw: h", "= (nan+0j) in row"),
    (parts.Misprint, "average gain E|h|^2", "0.55"),
    (parts.GlobalRandom, "same streams twice", "h differs in 6 of 6 rows"),
    (parts.GlobalRandom, "global generators", "torch used"),
    (parts.HiddenMemory, "same streams twice", "h differs"),
    (parts.FirstRowForAll, "an image among others", "h differs in 3 of 3 rows"),
    (parts.SharedByAll, "correlation of two images' gains", "1.0"),
    (parts.PlaceInBatch, "an image among others", "h differs in 1 of 3 rows"),
    (parts.PlaceInBatch, "an image alone", "h differs in 1 of 1 rows"),
    (parts.NoPrefix, "a shorter burst", "h and y within"),
    (parts.InPlaceState, "state", "h differs in 6 of 6 rows"),
    (parts.UntakeableState, "one image among others", "holds a dict, which has no rows"),
    (parts.TwoLaws, "law of the gains h", "(real part, use"),
    (parts.TwoLaws, "moments of the gains h", "(real part, use"),
    (parts.OneDrawThrice, "declared distribution of |h|^2", "use 7 in"),
    (parts.WeakerLater, "average gain E|h|^2 of transmission 4", "0.50"),
    (parts.WeakerAtTheEnd, "average gain E|h|^2 of the last 16 of 2048 uses", "0.50"),
    (parts.StreamsOfItsOwn, "gains of two draws", "1.000"),
    (parts.FadingAsNoise, "fading and noise", "1.000"),
    (parts.FixedSeed, "gains of two draws", "1.000"),
    (parts.Clock, "gains of two draws", "1.000"),
    (parts.SystemNoise, "same streams twice", "y differs in 6 of 6 rows"),
    (parts.SystemNoise, "the same state of the training's generator", "they come from elsewhere"),
    (parts.PythonsRandom, "global generators", "random used"),
    (parts.FewImages, "gains of different images", "75% have those of another image"),
    (parts.NoiseOfTheFirst, "noise of different images", "50% have those of another image"),
    (parts.NoiseOfTheFirst, "noise of images and of uses", "neighbors"),
    (parts.OneNoise, "noise of images and of uses", "of uses"),
    (parts.NoiseOfTheSeed, "noise of two draws", "1.000"),
    (parts.SameNoise, "noise of two draws", "1.000"),
    (parts.HalfTheNoise, "noise power over no, nothing sent", "0.5"),
    (parts.SquaredNoise, "noise power over no, nothing sent", "0.25"),
    (parts.SquaredNoise, "|y - h x|^2 over the no that the receiver knows", "0.249"),
    (parts.WrongGainTold, "|y - h x|^2 over the no that the receiver knows", "1.1"),
    (parts.SpoiledInput, "inputs x, h, state", "x was written to"),
    (parts.NoVariance, "apply: y, h, no", "no = 0 in row 0, use 0; it must be positive"),
    (parts.SameNoise, "another seed", "the same y"),
    (cheats.OtherInARun, "a run and a training", "h differs in 6 of 6 rows"),
    (cheats.EasyTraining, "a run and a training", "y differs in 6 of 6 rows"),
    (cheats.OtherInLargeBatches, "a large batch", "h differs in 6 of 6 rows"),
    (cheats.QuietAtHighSnr, "|y - h x|^2 over the no that the receiver knows, at 30 dB", "0.0"),
]


@pytest.fixture(scope="module")
def channel_reports() -> dict[type[Channel], Report]:
    return {kind: check_channel(kind) for kind, _, _ in WRONG_CHANNELS}


@pytest.mark.parametrize(
    ("kind", "what", "found"), WRONG_CHANNELS, ids=lambda v: getattr(v, "__name__", str(v)[:20])
)
def test_a_broken_channel_is_told_what_is_wrong(
    kind: type[Channel],
    what: str,
    found: str,
    channel_reports: dict[type[Channel], Report],
) -> None:
    report = channel_reports[kind]
    assert not report.ok
    failures = {finding.what: finding for finding in report.failures}
    assert what in failures, str(report)
    assert found in failures[what].found
    assert failures[what].expected
    assert "checks fail" in report.summary
    assert what in str(report)


def test_one_mistake_is_one_failure(channel_reports: dict[type[Channel], Report]) -> None:
    kinds = (parts.Misprint, parts.NoPrefix, parts.WrongGainTold, parts.OneDrawThrice)
    kinds = (*kinds, cheats.OtherInARun, cheats.EasyTraining, cheats.QuietAtHighSnr)
    for kind in (*kinds, parts.StreamsOfItsOwn, parts.FewImages, parts.NoiseOfTheSeed):
        assert len(channel_reports[kind].failures) == 1, str(channel_reports[kind])


def test_what_is_no_channel_and_what_cannot_be_made() -> None:
    with pytest.raises(
        ValueError, match=r"sound' is a function, it must be a subclass of .*Channel"
    ):
        check_channel("broken_schemes:sound", {"networks": 0})
    with pytest.raises(ValueError, match="unknown channel 'ricain': nearest: 'rician'"):
        check_channel("ricain")
    with pytest.raises(ValueError, match=r"no argument 'kfactor'.*'k_factor'"):
        check_channel("rician", {"kfactor": 1})
    with pytest.raises(ValueError, match="k_factor -1 is not allowed"):
        check_channel("rician", {"k_factor": -1})


def test_the_test_of_a_mean_has_its_significance() -> None:
    """Of 5000 true means 0.5 are refused on average; Poisson: 6 or more has probability 1.4e-5."""
    rng = np.random.default_rng(0)
    refused = sum(not mean_is("", row, 0.5).ok for row in rng.random((5000, 300)))
    assert refused < 6
    assert not mean_is("", np.full(10, np.nan), 1.0).ok
    assert not mean_is("", rng.random(300), 0.62).ok


def test_the_test_of_a_declared_law_has_its_significance() -> None:
    """Of 2000 right laws 5 % have a chance below 5 %; steps count on either side of rounding."""
    rng = np.random.default_rng(0)
    chances = [_one_sample(rng.exponential(size=200), lambda x: -np.expm1(-x)) for _ in range(2000)]
    assert abs(np.mean(np.array(chances) < 0.05) - 0.05) < 4 * (0.05 * 0.95 / 2000) ** 0.5
    assert _one_sample(rng.exponential(1.3, 2000), lambda x: -np.expm1(-x)) < 1e-6
    near_one = 1 + 1e-7 * rng.standard_normal(2000)
    assert _one_sample(near_one, lambda x: (x >= 1).astype(float)) == 1
    assert _one_sample(near_one, lambda x: (x >= 1.1).astype(float)) == 0
