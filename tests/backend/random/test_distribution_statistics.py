"""The statistics of draws in a step: masks, floats and integers, with the seeds and counters of layers.

Every statistic uses fixed seeds, so a test always has the same result. Its bound is the value that a fair generator
passes with the probability in the comment.
"""

import numpy as np
import pytest

from kerasbridge.errors import NotPortableError
from kerasbridge.keras_compat import keras
from kerasbridge.random import distributions
from kerasbridge.random import generator as random
from tests.backend.random.test_portable_random import generator, host
from tests.unit.random.test_generator import chi_square, chi_square_bound, not_correlated

SAMPLES = 2**16
LAYERS = [random.fold_in(7, "random layer", position) for position in range(4)]


def mask(rate, seed, counter=0, size=SAMPLES):
    return host(distributions.dropout(keras.ops.ones((size,)), rate, seed=generator(seed, counter))) != 0


def assert_mean(values, mean, variance, deviations=5):
    """Assert a mean within five standard errors, which chance passes twice in 3.5 million."""
    assert abs(np.mean(values, dtype="float64") - mean) < deviations * np.sqrt(variance / np.size(values))


def assert_distribution(values, cumulative):
    """Kolmogorov-Smirnov test; the bound is passed once in half a million."""
    places = cumulative(np.sort(np.asarray(values, "float64")))
    steps = np.arange(len(places) + 1) / len(places)
    assert max(np.abs(places - steps[1:]).max(), np.abs(places - steps[:-1]).max()) < 2.75 / np.sqrt(len(places))


@pytest.mark.parametrize("seed", LAYERS)
@pytest.mark.parametrize("rate", [0.01, 0.1, 0.3, 0.5, 0.9])
def test_masks_keep_the_given_share(rate, seed):
    for counter in (0, 1, 1000):
        assert_mean(mask(rate, seed, counter), 1 - rate, rate * (1 - rate))


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_masks_of_neighbouring_counters_layers_and_elements_are_not_correlated(rate):
    first = mask(rate, LAYERS[0])
    for other in (mask(rate, LAYERS[0], 1), mask(rate, LAYERS[0], 2), mask(rate, LAYERS[1]), mask(rate, LAYERS[1], 1)):
        assert not_correlated(first, other)
    thirds = -(-SAMPLES // 3)  # words of the same hash
    for distance in (1, 2, 3, 32, 256, thirds):
        assert not_correlated(first[distance:], first[:-distance])


def test_an_element_of_successive_masks_is_kept_half_the_time():
    masks = np.stack([mask(0.5, LAYERS[0], counter, 64) for counter in range(500)])
    assert np.abs(masks.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(500)  # one of 64: once in 27,000
    assert not_correlated(masks[1:].ravel(), masks[:-1].ravel())


def test_uniform_numbers_of_a_step_are_uniform():
    drawn = host(distributions.uniform((SAMPLES,), seed=generator(LAYERS[0])))
    assert_mean(drawn, 1 / 2, 1 / 12)
    assert_mean((drawn - 0.5) ** 2, 1 / 12, 1 / 180)
    assert_distribution(drawn, lambda x: x)


def test_normal_numbers_of_a_step_have_the_normal_moments():
    drawn = host(distributions.normal((SAMPLES,), seed=generator(LAYERS[0]))).astype("float64")
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert_mean(drawn**power, mean, variance)
    other = host(distributions.normal((SAMPLES,), seed=generator(LAYERS[0], 1)))
    assert not_correlated(drawn, other)


def test_truncated_normal_numbers_of_a_step_have_the_moments_of_the_cut_normal():
    drawn = host(distributions.truncated_normal((SAMPLES,), seed=generator(LAYERS[0]))).astype("float64")
    assert np.abs(drawn).max() <= 2
    assert_mean(drawn, 0, 0.7737)
    assert_mean(drawn**2, 0.7737413, 1.4162 - 0.7737**2)  # E x^4 = 3 E x^2 - 8 times the density at 2 over 0.9545
    assert np.mean(np.abs(drawn) == 2) < 1e-4


@pytest.mark.parametrize("most", [2, 10, 37, 1000])
def test_every_integer_of_a_range_is_as_likely(most):
    drawn = host(distributions.randint((SAMPLES,), 5, 5 + most, seed=generator(LAYERS[0])))
    assert chi_square(np.bincount(drawn - 5, minlength=most)) < chi_square_bound(most - 1)  # once in a million


def test_categories_come_by_their_probabilities_row_by_row():
    shares = np.array([[0.5, 0.2, 0.2, 0.1], [0.05, 0.05, 0.1, 0.8]])
    drawn = host(distributions.categorical(np.log(shares).astype("float32"), SAMPLES, seed=generator(LAYERS[0])))
    for row, wanted in zip(drawn, shares, strict=True):
        assert fitting(np.bincount(row, minlength=4), wanted) < chi_square_bound(3)
    assert not_correlated(drawn[0], drawn[1])


def test_every_row_is_as_likely_in_every_place_of_a_shuffle():
    places = np.stack(
        [host(distributions.shuffle(np.arange(5), seed=generator(LAYERS[0], counter))) for counter in range(500)]
    )
    counts = np.stack([np.bincount(column, minlength=5) for column in places.T])
    assert chi_square(counts) < chi_square_bound(16)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.5, 20.0])
def test_gamma_numbers_have_the_moments_of_the_gamma_distribution(alpha):
    drawn = host(distributions.gamma((SAMPLES,), alpha, seed=generator(LAYERS[0]))).astype("float64")
    assert drawn.min() >= 0
    assert_mean(drawn, alpha, alpha)
    assert_mean((drawn - alpha) ** 2, alpha, 2 * alpha**2 + 6 * alpha)


def test_gamma_numbers_of_one_and_of_a_half_have_the_expected_distributions():
    assert_distribution(host(distributions.gamma((SAMPLES,), 1.0, seed=generator(3))), lambda x: 1 - np.exp(-x))
    halves = host(distributions.gamma((SAMPLES,), 0.5, seed=generator(3))).astype("float64")
    normal = np.sqrt(2 * halves) * np.where(
        random.random_bits(1, 0, SAMPLES) >> 31, 1, -1
    )  # half a squared normal number
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (4, 3, 96)):
        assert_mean(normal**power, mean, variance)


def test_gamma_numbers_follow_an_alpha_for_each_element():
    alpha = np.array([[0.5], [4.0]], "float32")
    drawn = host(distributions.gamma((2, SAMPLES), alpha, seed=generator(3))).astype("float64")
    for row, expected in zip(drawn, (0.5, 4.0), strict=True):
        assert_mean(row, expected, expected)


@pytest.mark.parametrize(("one", "other"), [(1.0, 1.0), (0.2, 0.2), (2.0, 5.0), (30.0, 0.7)])
def test_beta_numbers_have_the_moments_of_the_beta_distribution(one, other):
    drawn = host(distributions.beta((SAMPLES,), one, other, seed=generator(LAYERS[0]))).astype("float64")
    assert 0 <= drawn.min() <= drawn.max() <= 1
    moments = np.cumprod([(one + k) / (one + other + k) for k in range(4)])
    assert_mean(drawn, moments[0], moments[1] - moments[0] ** 2)
    assert_mean(drawn**2, moments[1], moments[3] - moments[1] ** 2)


def test_beta_numbers_of_one_and_one_are_uniform():
    assert_distribution(host(distributions.beta((SAMPLES,), 1.0, 1.0, seed=generator(3))), lambda x: x)


def test_beta_numbers_of_a_tiny_alpha_are_zero_or_one():
    drawn = host(distributions.beta((1000,), 1e-6, 1e-6, seed=generator(3)))
    assert set(drawn.tolist()) == {0.0, 1.0}
    assert_mean(drawn, 0.5, 0.25)


@pytest.mark.parametrize(("trials", "chance"), [(1, 0.3), (5, 0.3), (40, 0.5)])
def test_binomial_numbers_are_counts_of_the_hosts_words_below_the_probability(trials, chance):
    drawn = host(distributions.binomial((1000,), trials, chance, seed=generator(7)))
    words = random.uniform(7, 0, (trials, 1000))
    np.testing.assert_array_equal(drawn, (words < np.float32(chance)).sum(axis=0))
    assert_mean(drawn, trials * chance, trials * chance * (1 - chance))


def test_binomial_numbers_follow_counts_and_chances_for_each_element():
    counts, chances = np.array([[3.0], [20.0]], "float32"), np.array([0.1, 0.5, 1.0], "float32")
    drawn = host(distributions.binomial((4000, 2, 3), counts, chances, seed=generator(7)))
    np.testing.assert_array_less(np.abs(drawn.mean(axis=0) - counts * chances), 5 * np.sqrt(20 * 0.25 / 4000) + 1e-9)
    assert (drawn[..., 2] == counts[:, 0]).all()


def test_binomial_numbers_of_too_many_trials_are_rejected():
    with pytest.raises(
        NotPortableError, match=r"^Expected counts of keras.random.binomial up to 10,000, received 20,000"
    ):
        distributions.binomial((3,), 20_000, 0.5, seed=generator(7))


def test_binomial_numbers_of_counts_that_a_step_computes_are_rejected(backend):
    if backend == "torch":
        pytest.skip("torch runs such a step as plain Python, where the counts are known")
    import kerasbridge as kb

    class Counting(keras.layers.Layer):
        def call(self, x):
            return keras.random.binomial((4, 3), keras.ops.sum(x), 0.5, seed=1)

    model = keras.Sequential([keras.Input((3,), batch_size=4), Counting()])
    with pytest.raises(NotPortableError, match="to be known before the step runs"):
        kb.predict(model, np.ones((4, 3), "float32"), batch_size=4)


@pytest.mark.parametrize(
    ("name", "arguments", "values"),
    [
        ("gamma", (0.5,), (0.019075, 2.115177, 0.792471, 0.130700)),
        ("gamma", (3.0,), (1.291802, 4.440946, 3.355086, 1.535135)),
        ("beta", (0.4, 2.0), (0.003108, 0.433732, 0.263667, 0.034243)),
    ],
)
def test_gamma_and_beta_numbers_have_known_values(name, arguments, values):
    drawn = host(getattr(distributions, name)((4,), *arguments, seed=generator(7)))
    np.testing.assert_allclose(drawn, values, rtol=2e-6, atol=1e-6)


def fitting(counts, shares):
    """Return the chi-square statistic of counts against shares."""
    expected = counts.sum() * shares
    return float(((counts - expected) ** 2 / expected).sum())
