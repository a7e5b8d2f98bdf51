"""Streams: a number depends on its own name alone, and two names have nothing in common."""

import copy
import itertools
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from named_streams import SIGNIFICANCE, VERBS, Verb, streams, trained
from scipy import stats

from phy.channels.fading import Awgn, Rayleigh, Rician
from phy.streams import Streams, training_streams


@pytest.fixture(params=VERBS)
def verb(request: pytest.FixtureRequest) -> Verb:
    return VERBS[request.param]


# What a number depends on


def test_a_row_does_not_depend_on_its_company(verb: Verb) -> None:
    whole, some = streams(), streams([4, 1])
    for n in (300, 1, 7):  # the later draws too
        assert torch.equal(verb(some, n), verb(whole, n)[[4, 1]])


def test_a_shorter_draw_is_a_prefix_of_a_longer_one(verb: Verb) -> None:
    long = verb(streams(), 1000)
    for n in (0, 1, 2, 3, 71, 999):
        assert torch.equal(long[:, :n], verb(streams(), n))


def test_the_length_of_a_draw_does_not_matter_to_the_next(verb: Verb) -> None:
    one, other = streams(), streams()
    verb(one, 1000), verb(other, 0)
    assert torch.equal(verb(one, 20), verb(other, 20))


def test_a_shape_is_a_shape_of_the_same_numbers() -> None:
    assert torch.equal(streams().normal(3, 4).flatten(1), streams().normal(12))
    assert streams().normal().shape == (6,)
    assert streams().complex_normal(3, 4).shape == (6, 3, 4)
    pairs = streams().normal(20, 2).double() * 0.5**0.5
    torch.testing.assert_close(torch.view_as_real(streams().complex_normal(20)).double(), pairs)


def test_no_images_give_no_rows(verb: Verb) -> None:
    assert verb(streams([]), 7).shape == (0, 7)
    assert verb(streams([1, 2]), 0).shape == (2, 0)


def test_rows_are_the_streams_of_some_images_in_another_transmission() -> None:
    first = streams([5, 6, 7])
    first.normal(3)
    for _ in range(2):  # from draw 0 each time, so that a transmission can be repeated
        later = first.rows(np.array([2, 0]), transmission=3)
        assert torch.equal(later.normal(50), streams([7, 5], transmission=3).normal(50))


def test_recorded_numbers() -> None:
    """They change with no release without a word: results that were published depend on them."""
    drawn = streams([0, 2**40], seed=7, transmission=2).for_role("noise")
    assert drawn.normal(3).tolist() == NORMAL
    assert drawn.uniform(2).tolist() == UNIFORM
    assert torch.view_as_real(drawn.complex_normal(1)).tolist() == COMPLEX
    assert drawn.each(lambda g: g.integers(0, 1000, 3)).tolist() == INTEGERS


NORMAL = [
    [-0.5446299314498901, 1.4931560754776, 0.029015664011240005],
    [0.6962648630142212, -1.534888505935669, 1.2624706029891968],
]


UNIFORM = [[0.06904363632202148, 0.9327752590179443], [0.7674793004989624, 0.2583332657814026]]


COMPLEX = [
    [[-0.8608754873275757, -0.2492056041955948]],
    [[0.008685414679348469, 0.05762864649295807]],
]


INTEGERS = [[816, 437, 486], [134, 711, 484]]


# Draws of one role


def test_a_draw_never_repeats_another() -> None:
    """Whatever the verb, through a second `for_role` too, and in copies that share the count."""
    one = streams([3])
    drawn = [one.normal(40), one.normal(40), one.for_role("a").normal(40)]
    drawn += [one.for_role("a").normal(40), one.for_role("b").normal(40), one.normal(40)]
    drawn += [verb(one, 20).real.float().repeat(1, 2) for verb in VERBS.values()]
    for a, b in itertools.combinations(drawn, 2):
        assert not set(a[0].tolist()) & set(b[0].tolist())


def test_the_count_of_a_role_is_its_own() -> None:
    """What the fading draws does not move the noise: two channels meet the same noise."""
    one, other = streams(), streams()
    for _ in range(3):
        one.for_role("fading").normal(5)
    assert torch.equal(one.for_role("noise").normal(5), other.for_role("noise").normal(5))


def test_a_copy_goes_on_where_it_was_made() -> None:
    one = streams()
    one.normal(3)
    copies = (copy.deepcopy(one), pickle.loads(pickle.dumps(one)))
    expected = one.normal(9)
    assert all(torch.equal(other.normal(9), expected) for other in copies)


@pytest.mark.parametrize("make", [streams, lambda i: trained(len(i))], ids=["runs", "training"])
def test_three_draws_make_nakagami_3(make: Callable[[range], Streams]) -> None:
    rows = make(range(4000))
    power = sum(rows.complex_normal(3).abs().square() for _ in range(3)) / 3
    assert isinstance(power, torch.Tensor)
    law = stats.gamma(3, scale=1 / 3)
    assert stats.kstest(power.double().flatten(), law.cdf).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("channel", [Rayleigh(), Rayleigh("block"), Rician(2.0)])
@pytest.mark.parametrize("order", ["draw first", "apply first", "equal streams, made twice"])
def test_draw_and_apply_share_no_noise(channel: Rayleigh, order: str) -> None:
    images, uses = 500, 40
    x = torch.zeros(images, uses, dtype=torch.complex64)
    one = streams(range(images))
    if order == "apply first":
        noise = Awgn().apply(x, x, 1.0, one).y
        h, _ = channel.draw(one, uses, None)
    else:
        h, _ = channel.draw(one, uses, None)
        again = one if order == "draw first" else streams(range(images))
        noise = channel.apply(x, h, 1.0, again).y
    h = h - h.mean()
    product = (h * noise.conj()).mean(1).real.double()
    assert abs(product.mean()) < 4 * product.std() / images**0.5


# What streams may be called


@pytest.mark.parametrize("name", ["seed", "transmission"])
def test_whole_numbers_below_2_to_the_64(name: str) -> None:
    allowed = (0, 1, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1)
    drawn = {tuple(streams([1], **{name: n}).normal(3)[0].tolist()) for n in allowed}
    assert len(drawn) == len(allowed)
    same = streams(**{name: np.uint64(2**63)}).normal(3)
    assert torch.equal(same, streams(**{name: 2**63}).normal(3))
    for wrong in (-1, 2**64, 1.0, "1", None):
        with pytest.raises(ValueError, match=f"^{name} {wrong!r} is not allowed, it must be a"):
            streams(**{name: wrong})


def test_images_are_whole_numbers() -> None:
    for wrong in (np.array([0.5]), np.array([[1]]), np.array(["1"])):
        with pytest.raises(ValueError, match="are not allowed, they must be whole numbers"):
            Streams(0, "p", wrong)
    drawn = [Streams(0, "p", np.array([3, 1], kind)).normal(5) for kind in (np.int32, np.uint8)]
    assert torch.equal(*drawn)
    assert len(streams([-1, 2**63 - 1, 2**32, 0]).uniform(1).unique()) == 4


def test_nothing_can_be_assigned() -> None:
    with pytest.raises(AttributeError):
        streams().seed = 1  # type: ignore[misc]


# Training


def test_training_goes_on_with_the_generator_and_repeats_with_it() -> None:
    generator = torch.Generator().manual_seed(5)
    first = training_streams(generator, 4).normal(9)
    state = generator.get_state()
    second = training_streams(generator, 4).normal(9)
    assert not torch.equal(first, second)
    assert torch.equal(training_streams(generator.set_state(state), 4).normal(9), second)
