"""The numbers drawn inside a step are those of `kerasbridge.random.generator`, and so the same on every backend.

The digests below were computed once; a backend on which one differs has other weights or other masks than the rest.
"""

import hashlib
import random as python_random
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.private_api import private_api
from kerasbridge.keras_compat.seed_generators import global_generator
from kerasbridge.random import bits, distributions, keras_patch
from kerasbridge.random import generator as random
from kerasbridge.random.keras_patch import PORTABLE_FUNCTIONS
from tests.backend.models import CASES, assert_same_state, mlp, seeded

_BACKEND = keras.config.backend()
SEEDS = [0, 7, 2**31 - 1]
WEIGHTS = {
    "mlp": "567042a1e7d4f5366d332f205b5ee285df6503bab05d41afe7e1673f41390cb2",
    "cnn": "4f2ad740fd401f793255af5b8a3e72e5bea0ebd0615eb54153802860ec6bff2a",
}
MASK = "d6163c9294d3f0711b980fef8817d3b559e8ab7fc3e8fa8b3348f2478e88ccb8"


def generator(seed, counter=0):
    """A seed generator that has drawn `counter` times."""
    made = keras.random.SeedGenerator(seed)
    made.state.assign(np.array([seed, counter], "int64"))
    return made


def host(tensor):
    return keras.ops.convert_to_numpy(tensor)


def digest(arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


@pytest.mark.parametrize("counter", [0, 1, 1000])
@pytest.mark.parametrize("seed", SEEDS)
def test_uniform_numbers_are_the_hosts_bit_by_bit(seed, counter):
    drawn = host(distributions.uniform((7, 11), seed=generator(seed, counter)))
    np.testing.assert_array_equal(drawn, random.uniform(seed, counter, (7, 11)).astype("float32"))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.75])
def test_a_dropout_mask_compares_the_words_of_the_host_with_the_rate(rate):
    kept = host(distributions.dropout(keras.ops.ones((40, 25)), rate, seed=generator(7)))
    words = random.random_bits(7, 0, 1000).view(np.int32).astype("int64") + 2**31
    np.testing.assert_array_equal(kept.reshape(-1) != 0, words >= int(rate * 2**32))
    np.testing.assert_allclose(kept[kept != 0], 1 / (1 - rate), rtol=1e-6)


def test_dropout_drops_the_given_share():
    kept = host(distributions.dropout(keras.ops.ones((100_000,)), 0.2, seed=generator(3)))
    assert abs(np.mean(kept == 0) - 0.2) < 5 * np.sqrt(0.2 * 0.8 / 100_000)


def test_dropout_with_a_noise_shape_drops_whole_columns():
    kept = host(distributions.dropout(keras.ops.ones((6, 50)), 0.5, noise_shape=(1, None), seed=generator(3)))
    assert {0.0, 6.0} == set((kept != 0).sum(axis=0).astype(float))


def test_normal_numbers_are_the_hosts_within_a_millionth():
    drawn = host(distributions.normal((100_000,), seed=generator(7)))
    np.testing.assert_allclose(drawn, random.normal(7, 0, (100_000,)), rtol=0, atol=1e-6)


def test_truncated_normal_numbers_are_the_hosts_within_a_millionth():
    drawn = host(distributions.truncated_normal((1000,), seed=generator(7)))
    np.testing.assert_allclose(drawn, random.truncated_normal(7, 0, (1000,)), rtol=0, atol=1e-6)
    assert np.abs(drawn).max() <= 2


def test_mean_and_standard_deviation_are_the_given_ones():
    drawn = host(distributions.normal((1000,), mean=3.0, stddev=0.5, seed=generator(7)))
    np.testing.assert_allclose(drawn, 3 + 0.5 * random.normal(7, 0, (1000,)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("function", ["normal", "truncated_normal", "uniform"])
def test_a_plain_integer_seed_draws_on_the_host(function):
    drawn = host(getattr(distributions, function)((50,), seed=7))
    np.testing.assert_array_equal(drawn, getattr(random, function)(7, 0, (50,)).astype("float32"))


def test_integers_stay_in_their_range_and_are_the_hosts_words():
    drawn = host(distributions.randint((1000,), 3, 13, seed=generator(7)))
    np.testing.assert_array_equal(drawn, 3 + (random.random_bits(7, 0, 1000) & 0x7FFFFFFF) % 10)


def test_a_shuffle_keeps_every_row():
    shuffled = host(distributions.shuffle(np.arange(100), seed=generator(7)))
    assert sorted(shuffled) == [*range(100)]
    np.testing.assert_array_equal(shuffled, np.argsort(random.random_bits(7, 0, 100).view(np.int32)))


def test_categories_are_drawn_with_the_probabilities_of_their_logits():
    logits = np.log(np.array([[0.1, 0.2, 0.7]], "float32"))
    drawn = host(distributions.categorical(logits, 20_000, seed=generator(7)))
    assert drawn.shape == (1, 20_000)
    np.testing.assert_allclose(np.bincount(drawn[0]) / 20_000, [0.1, 0.2, 0.7], atol=5 * 0.5 / np.sqrt(20_000))


def test_a_seed_generator_moves_on_with_every_draw():
    moving = generator(7)
    first, second = host(distributions.uniform((9,), seed=moving)), host(distributions.uniform((9,), seed=moving))
    np.testing.assert_array_equal(first, random.uniform(7, 0, (9,)).astype("float32"))
    np.testing.assert_array_equal(second, random.uniform(7, 1, (9,)).astype("float32"))


def test_draws_without_a_seed_continue_the_global_seed():
    """The increment of the global Keras seed overflows, to another number on each backend."""
    with kb.seed_everything(3):
        first = host(keras.random.uniform((9,)))
        state = host(global_generator().state.value).tolist()
        later = [host(keras.random.uniform((9,))) for _ in range(2)]
    assert state[1] == 1
    for counter, drawn in enumerate([first, *later]):
        np.testing.assert_array_equal(drawn, random.uniform(state[0], counter, (9,)).astype("float32"))


@pytest.mark.parametrize("name", WEIGHTS)
def test_initial_weights_are_the_same_on_every_backend(name):
    with kb.seed_everything(0):
        model = getattr(kb.models, name)()
    assert digest(model.get_weights()) == WEIGHTS[name]


def test_dropout_masks_are_the_same_on_every_backend():
    with keras_patch.portable_random():
        layer = keras.layers.Dropout(0.2, seed=11)
        masks = [host(layer(np.ones((32, 128), "float32"), training=True)) != 0 for _ in range(3)]
    assert digest(masks) == MASK


def test_the_seed_decides_the_initial_weights():
    with kb.seed_everything(1):
        model = kb.models.mlp()
    assert digest(model.get_weights()) != WEIGHTS["mlp"]


@pytest.mark.xfail(_BACKEND == "torch", reason="Keras cannot store such a seed in its int32 seed state on torch")
@pytest.mark.parametrize("seed", [2**31, 2**32 - 1])
def test_every_valid_seed_builds_a_random_layer(seed):
    with keras_patch.portable_random():
        layer = keras.layers.Dropout(0.5, seed=seed)
        kept = host(layer(np.ones((1, 300), "float32"), training=True)) != 0
    np.testing.assert_array_equal(kept[0], random.random_bits(seed, 0, 300).view(np.int32) >= 0)


def test_a_seeded_fit_masks_by_seed_and_position_alone():
    x, y = CASES["MLP"].arrays(64)
    first = seeded(partial(mlp, rate=0.5))
    for _ in range(3):
        keras.layers.Dropout(0.5)  # draws from the global seeds
    later = mlp(rate=0.5)
    later.set_weights(first.get_weights())
    for model in (first, later):
        kb.fit(model, x, y, seed=5, verbose=0)
    assert_same_state(later, first)


def test_native_random_numbers_are_the_backends_own():
    x, y = CASES["MLP"].arrays(64)
    portable, native = seeded(partial(mlp, rate=0.5)), seeded(partial(mlp, rate=0.5))
    kb.fit(portable, x, y, seed=5, verbose=0)
    history = kb.fit(native, x, y, seed=5, verbose=0, rng="native")
    assert history.params["rng"] == "native"
    assert not np.array_equal(portable.get_weights()[0], native.get_weights()[0])


def test_seed_everything_as_a_scope_restores_the_state():
    functions = private_api("random functions")
    before = [getattr(functions, name) for name in PORTABLE_FUNCTIONS]
    states = python_random.getstate(), np.random.get_state()[1].tolist()
    with kb.seed_everything(7):
        assert functions.uniform is distributions.uniform
        python_random.random(), np.random.random()
    assert [getattr(functions, name) for name in PORTABLE_FUNCTIONS] == before
    assert (python_random.getstate(), np.random.get_state()[1].tolist()) == states


def test_seed_everything_restores_the_state_after_an_error():
    functions = private_api("random functions")
    before = functions.uniform
    with pytest.raises(ZeroDivisionError), kb.seed_everything(7):
        raise ZeroDivisionError
    assert functions.uniform is before


def test_seed_everything_as_a_call_lasts_and_repeats():
    functions, calls = private_api("random functions"), [kb.seed_everything(7)]
    try:
        first = python_random.random(), np.random.random(), kb.models.mlp().get_weights()[0].tobytes()
        calls.append(kb.seed_everything(7))
        again = python_random.random(), np.random.random(), kb.models.mlp().get_weights()[0].tobytes()
        assert functions.uniform is distributions.uniform
    finally:
        for call in reversed(calls):
            call.__exit__(None, None, None)
    assert first == again


def test_nested_scopes_give_back_only_what_is_theirs():
    functions = private_api("random functions")
    with kb.seed_everything(1):
        with kb.seed_everything(2):
            pass
        assert functions.uniform is distributions.uniform
    assert functions.uniform is not distributions.uniform


def test_two_threads_capture_their_own_draws_alone():
    barrier = threading.Barrier(2)

    def draw(seed):
        with bits.capture_draws() as draws:
            barrier.wait(timeout=60)
            distributions.uniform((5,), seed=generator(seed))
            barrier.wait(timeout=60)
        return [host(draw) for draw in draws]

    with ThreadPoolExecutor(2) as threads:
        captured = list(threads.map(draw, (1, 2)))
    expected = [random.random_bits(seed, 0, 5).view(np.int32) for seed in (1, 2)]
    np.testing.assert_array_equal(captured, [[draw] for draw in expected])
