"""The generator on the host: known answers, and the statistics of its numbers.

Every statistic uses fixed seeds, so a test always has the same result. Its bound is the value that a fair generator
passes with the probability in the comment.
"""

import random as python_random
from itertools import pairwise

import numpy as np
import pytest

from kerasbridge.random import generator

MASK = 0xFFFFFFFF
SAMPLES = 2**16


def pcg3d_in_python(x, y, z):
    """Jarzynski and Olano 2020, listing "pcg3d", with Python integers."""
    x, y, z = ((1664525 * v + 1013904223) & MASK for v in (x, y, z))
    for last in (False, True):
        x = (x + y * z) & MASK
        y = (y + z * x) & MASK
        z = (z + x * y) & MASK
        if not last:
            x, y, z = x ^ x >> 16, y ^ y >> 16, z ^ z >> 16
    return x, y, z


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((0, 0, 0), (2611992518, 2833812075, 1058359340)),
        ((1, 2, 3), (4204755366, 1223881804, 1500469937)),
        ((7, 1, 1000), (2256922186, 627013893, 4254110657)),
        ((MASK, MASK, MASK), (2784268096, 2756918915, 1364953698)),
    ],
)
def test_pcg3d_gives_known_answers(words, expected):
    drawn = generator.pcg3d(*(np.array([word], np.uint32) for word in words))
    assert tuple(int(word[0]) for word in drawn) == expected
    assert pcg3d_in_python(*words) == expected


def test_pcg3d_is_the_published_listing_for_any_words():
    inputs = np.random.default_rng(0).integers(0, 2**32, (3, 200), dtype=np.uint32)
    drawn = np.stack(generator.pcg3d(*inputs), axis=-1)
    assert drawn.tolist() == [list(pcg3d_in_python(*map(int, column))) for column in inputs.T]


def folded(word):
    return word ^ word >> 16


@pytest.mark.parametrize(("seed", "counter"), [(7, 5), (0x12345678, 5), (7, 0x12345678)])
def test_word_i_is_component_i_div_n_of_element_i_mod_n(seed, counter):
    elements = [pcg3d_in_python(folded(seed), folded(counter), element) for element in range(4)]
    expected = [element[component] for component in range(3) for element in elements][:11]
    assert generator.random_bits(seed, counter, 11).tolist() == expected


def test_words_drawn_in_pieces_are_those_drawn_at_once():
    drawn = np.concatenate(generator.hash3(7, 0, np.arange(30_000, dtype=np.uint32)))
    np.testing.assert_array_equal(generator.random_bits(7, 0, 90_000), drawn)


def test_words_of_consecutive_counters_are_those_drawn_one_by_one():
    together = generator.random_bits_batch(7, 2**32 - 2, 10, 4)
    np.testing.assert_array_equal(together, [generator.random_bits(7, 2**32 - 2 + draw, 10) for draw in range(4)])
    np.testing.assert_array_equal(together[2], generator.random_bits(7, 0, 10))


def test_derived_seeds_have_known_values_of_31_bits():
    assert generator.fold_in(7, "masks", 3) == 1362370060
    assert all(0 <= generator.fold_in(seed, "masks") < 2**31 for seed in range(200))


def test_derived_seeds_differ_by_seed_purpose_and_position():
    paths = [(seed, purpose, k) for seed in range(20) for purpose in ("a", "b") for k in range(20)]
    assert len({generator.fold_in(*path) for path in paths}) == len(paths)


def test_the_order_of_an_epoch_has_known_values():
    assert generator.permutation(0, 0, 8).tolist() == [3, 7, 4, 6, 2, 5, 0, 1]
    assert generator.permutation(0, 1, 8).tolist() == [3, 6, 2, 7, 5, 4, 1, 0]


@pytest.mark.parametrize("rows", [0, 1, 2, 1000])
def test_an_order_has_every_row_once(rows):
    order = generator.permutation(3, 4, rows)
    assert order.dtype == np.int32
    assert sorted(order.tolist()) == [*range(rows)]


def test_rows_with_equal_keys_keep_their_order(monkeypatch):
    monkeypatch.setattr(generator, "random_bits", lambda *_: np.repeat(np.arange(900, dtype="uint32") % 3, 2))
    assert generator.permutation(0, 0, 900).tolist() == sorted(range(900), key=lambda row: row % 3)


@pytest.mark.parametrize("equal_keys", [False, True])
@pytest.mark.parametrize("count", [0, 1, 20, 899, 900, 1000])
def test_a_sample_is_the_begin_of_the_order(monkeypatch, count, equal_keys):
    if equal_keys:
        monkeypatch.setattr(generator, "random_bits", lambda *_: np.repeat(np.arange(900, dtype="uint32") % 3, 2))
    assert generator.sample(1, 900, count).tolist() == generator.permutation(1, 0, 900)[:count].tolist()


def test_orders_differ_by_epoch_and_by_seed():
    orders = {generator.permutation(seed, epoch, 50).tobytes() for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


def test_every_row_is_as_likely_in_every_place():
    places = np.stack([generator.permutation(1, epoch, 6) for epoch in range(2000)])
    counts = np.stack([np.bincount(column, minlength=6) for column in places.T])
    assert chi_square(counts) < chi_square_bound(25)


@pytest.mark.parametrize("shift", [0, 8, 16, 24])
@pytest.mark.parametrize("component", [0, 1, 2])
def test_every_byte_of_the_words_is_uniform(component, shift):
    drawn = generator.hash3(11, 0, np.arange(SAMPLES, dtype=np.uint32))[component]
    assert chi_square(np.bincount((drawn >> np.uint32(shift)) & 255, minlength=256)) < chi_square_bound(255)


def test_the_same_element_of_successive_counters_is_uniform():
    drawn = np.array([generator.random_bits(11, counter, 1)[0] for counter in range(8_000)])
    assert chi_square(np.bincount(drawn >> 24, minlength=256)) < chi_square_bound(255)


def test_neighbouring_elements_are_not_correlated():
    for one, other in pairwise(generator.hash3(5, 0, np.arange(SAMPLES, dtype=np.uint32))):
        assert not_correlated(one, other)
        assert not_correlated(one[1:], one[:-1])
        assert not_correlated(one[1:], other[:-1])


@pytest.mark.parametrize("other", [(5, 1), (6, 0), (5, 2), (7, 0)], ids=str)
def test_neighbouring_counters_and_seeds_are_not_correlated(other):
    assert not_correlated(generator.random_bits(5, 0, SAMPLES), generator.random_bits(*other, SAMPLES))


@pytest.mark.parametrize(("place", "bits"), [("seed", 32), ("counter", 32), ("element", 16)])
def test_one_bit_of_the_key_turns_each_used_bit_of_the_words_half_the_time(place, bits):
    """The upper 24 bits make the uniform numbers; every bit of a seed and a counter must affect them."""
    keys = np.random.default_rng(2).integers(0, 2**32, (3, 20_000), dtype=np.uint32)
    for bit in range(bits):
        turned = keys.copy()
        turned[["seed", "counter", "element"].index(place)] ^= np.uint32(1 << bit)
        changes = np.stack(hashed(keys)) ^ np.stack(hashed(turned))
        shares = np.array([(changes >> np.uint32(used) & 1).mean(axis=1) for used in range(8, 32)])
        assert np.abs(shares - 0.5).max() < 6 * 0.5 / np.sqrt(20_000), bit  # 80 times 72 shares: once in 87,000


def hashed(keys):
    return generator.pcg3d(generator.fold_halves(keys[0]), generator.fold_halves(keys[1]), keys[2])


def test_the_statistics_can_fail():
    low = np.arange(SAMPLES, dtype=np.uint32)
    assert chi_square(np.bincount(low >> 8 & 127, minlength=256)) > chi_square_bound(255)
    assert not not_correlated(low, low + 1)


def test_uniform_numbers_are_in_range_and_exact_in_float32():
    drawn = generator.uniform(7, 0, (100, 100))
    assert drawn.min() >= 0
    assert drawn.max() < 1
    np.testing.assert_array_equal(drawn.astype("float32"), drawn)


def test_normal_numbers_have_the_moments_of_the_normal_distribution():
    drawn = generator.normal(7, 0, (SAMPLES,))
    deviations = np.sqrt(np.array([1, 2, 15, 96]) / SAMPLES)  # of the means of x, x^2, x^3, x^4
    moments = np.array([(drawn**k).mean() for k in (1, 2, 3, 4)])
    assert (np.abs(moments - [0, 1, 0, 3]) < 5 * deviations).all()


def test_truncated_normal_numbers_stay_within_two_and_keep_their_spread():
    drawn = generator.truncated_normal(7, 0, (SAMPLES,))
    assert np.abs(drawn).max() <= 2
    assert (np.abs(drawn) == 2).mean() < 1e-4
    assert drawn.std() == pytest.approx(0.87962566, abs=5e-3 * 2)  # of the normal cut at two


def test_default_seeds_come_from_python_random():
    python_random.seed(3)
    first = [generator.new_seed() for _ in range(5)]
    python_random.seed(3)
    assert [generator.new_seed() for _ in range(5)] == first
    assert len(set(first)) == 5


def chi_square(counts):
    expected = counts.sum() / counts.size
    return float(((counts - expected) ** 2 / expected).sum())


def chi_square_bound(freedom):
    """The value that chi-square exceeds once in a million: Wilson and Hilferty 1931, with the normal quantile 4.75."""
    return freedom * (1 - 2 / (9 * freedom) + 4.75 * (2 / (9 * freedom)) ** 0.5) ** 3


def not_correlated(one, other):
    """Return whether the correlation is below 5 standard errors, which chance passes twice in 3.5 million."""
    found = np.corrcoef(one.astype("float64"), other.astype("float64"))[0, 1]
    return abs(found) < 5 / np.sqrt(one.size)
