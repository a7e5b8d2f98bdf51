"""The generator: published vectors, two implementations that agree bit for bit, the normal law."""

import numpy as np
import pytest
import torch
from scipy import stats

from phy.kernels import philox, philox_tensors
from phy.kernels.philox_kernel import CHUNK, _to_normal

#: Random123's kat_vectors for philox4x32, 10 rounds: counter, key, result.
KNOWN_ANSWERS = """
00000000 00000000 00000000 00000000 00000000 00000000 6627e8d5 e169c58d bc57ac4c 9b00dbd8
ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 408f276d 41c83b0e a20bc7c6 6d5451fd
243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0 d16cfe09 94fdcceb 5001e420 24126ea1
"""
ANSWERS = [[int(word, 16) for word in line.split()] for line in KNOWN_ANSWERS.split("\n") if line]
IMAGES = np.array([3, 0, 2**31, 2**32 - 1, 2**40 + 5, 2**63 - 1, -1])
KEYS = (0, 1, 0xA4093822299F31D0, 2**64 - 1)
#: Words where an exponent, a quarter turn or a sign changes.
EDGES = np.array(
    [(2**k // d + s) % 2**32 for k in range(33) for d in (1, 3) for s in (-2, -1, 0, 1, 2)]
    + [(odd * 2**29 + s) % 2**32 for odd in (1, 3, 5, 7) for s in (-1, 0)]
)


@pytest.mark.parametrize("vector", ANSWERS)
def test_known_answers(vector: list[int]) -> None:
    counter, (low, high), result = vector[:4], vector[4:6], vector[6:]
    drawn = philox_tensors.words(torch.tensor(counter)[:, None], low | high << 32)
    assert drawn[:, 0].tolist() == result


def test_the_first_numbers_of_image_0_are_the_first_known_answer() -> None:
    drawn = philox.uniform(0, np.array([0]), 4)
    assert drawn[0].tolist() == [(word >> 8) / 2**24 for word in ANSWERS[0][6:]]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 31, 33, 4 * CHUNK - 1, 4 * CHUNK + 6])
@pytest.mark.parametrize("key", KEYS)
def test_compiled_loops_and_tensors_give_the_same_bits(key: int, count: int) -> None:
    uniform = philox.uniform(key, IMAGES, count)
    assert torch.equal(uniform, philox_tensors.uniform(key, IMAGES, count, "cpu"))
    for variance in (1.0, 0.5):
        normal = philox.normal(key, IMAGES, count, variance=variance)
        assert normal.shape == (len(IMAGES), count)
        assert torch.equal(normal, philox_tensors.normal(key, IMAGES, count, "cpu", variance))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_numbers() -> None:
    for count in (1, 5, 4099):
        uniform = philox.uniform(KEYS[2], IMAGES, count, "cuda").cpu()
        assert torch.equal(uniform, philox.uniform(KEYS[2], IMAGES, count))
        normal = philox.normal(KEYS[2], IMAGES, count, "cuda").cpu()
        torch.testing.assert_close(normal, philox.normal(KEYS[2], IMAGES, count), rtol=0, atol=1e-6)


@pytest.mark.parametrize("batch", [1, 2, 3, 15, 16, 17, 64])
@pytest.mark.parametrize("verb", [philox.uniform, philox.normal])
def test_no_number_depends_on_its_place_in_memory(verb: type, batch: int) -> None:
    """Each image alone, at each length: whatever vector or remainder a number falls in."""
    images = np.arange(100, 100 + batch)
    whole = verb(9, images, 67)
    for row, image in enumerate(images):
        for count in range(0, 67, 1 if batch <= 3 else 11):
            assert torch.equal(verb(9, np.array([image]), count)[0], whole[row, :count])


def test_large_batches_are_cut_into_chunks_without_a_seam() -> None:
    images = np.arange(1500)
    whole = philox.normal(4, images, 30)  # 8 blocks for each image: 12 chunks
    assert torch.equal(
        torch.cat([philox.normal(4, images[i : i + 7], 30) for i in range(0, 1500, 7)]), whole
    )


def test_box_and_muller_against_double_precision() -> None:
    """Every pair of edge words; a billionth of the law's mass is nowhere else that exact."""
    first, second = (grid.ravel() for grid in np.meshgrid(EDGES, EDGES))
    real, imag = np.empty((2, len(first)), np.float32)
    args = first.astype(np.uint32), second.astype(np.uint32)
    _to_normal(*args, len(first), np.float32(2), real, imag)
    radius = np.sqrt(-2 * np.log((first | 1) / 2.0**32))
    angle = 2 * np.pi * ((second + 0.5) / 2.0**32)
    np.testing.assert_allclose(real, radius * np.cos(angle), rtol=3e-7, atol=3e-7)
    np.testing.assert_allclose(imag, radius * np.sin(angle), rtol=3e-7, atol=3e-7)
    assert (real != 0).all()
    assert (imag != 0).all()
    assert np.hypot(real, imag).max() == pytest.approx(np.sqrt(64 * np.log(2)))
    smallest = np.hypot(real, imag).astype(np.float64).min()
    assert smallest == pytest.approx(np.sqrt(2 * 2.0**-32))
    words = torch.from_numpy(np.stack([first, second]))
    cos, sin = philox_tensors._cos_sin(words[1])
    tensor = (philox_tensors._minus_log(words[0]) * 2).double().sqrt().float()
    assert torch.equal(tensor * cos, torch.from_numpy(real))
    assert torch.equal(tensor * sin, torch.from_numpy(imag))


def test_tails_of_the_normal_law() -> None:
    """Numbers of 2^25 beyond x are Poisson; four standard deviations at each x."""
    beyond = dict.fromkeys((3.0, 4.0, 4.5, 5.0, 5.3), 0)
    total = 2**25
    for key in range(8):
        drawn = philox.normal(key, np.arange(2**10), 2**12).abs()
        for x in beyond:
            beyond[x] += int((drawn > x).sum())
    for x, found in beyond.items():
        expected = total * 2 * stats.norm.sf(x)
        assert abs(found - expected) < 4 * expected**0.5 + 1, x
    assert beyond[5.3] > 0


def test_how_many_numbers_a_draw_may_have() -> None:
    for count in (-1, 2**34 + 1):
        with pytest.raises(ValueError, match=f"{count} numbers for an image are not allowed"):
            philox.normal(0, IMAGES, count)
    assert philox.normal(0, IMAGES[:0], 5).shape == (0, 5)
    assert philox_tensors.normal(0, IMAGES[:0], 5, "cpu", 1.0).shape == (0, 5)
    assert philox.uniform(0, IMAGES, 3, "meta").shape == (7, 3)
