"""Words drawn in advance on torch are those of the host, in any order of the counters."""

import pytest

from kerasbridge.keras_compat import keras
from kerasbridge.random import generator

if keras.config.backend() != "torch":
    pytest.skip("an engine of torch", allow_module_level=True)

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

import kerasbridge as kb
from kerasbridge.engines.torch import rng
from kerasbridge.engines.torch.rng import BitStream

AHEAD = rng.BITS_AHEAD
ORDERS = {
    "consecutive, past what is drawn ahead": [*range(12)],
    "repeated": [3, 3, 3, 4, 4],
    "back and forth": [5, 6, 7, 2, 3, 8, 7, 8, 9, 0],
    "over the end of 32 bits": [2**32 - 2, 2**32 - 1, 2**32, 2**32 + 1],
    "below zero": [-2, -1, 0, 1],
}


def expected(seed, counter, count):
    return generator.random_bits(seed, counter, count).view(np.int32)


@pytest.mark.parametrize("count", [0, 1, 4, AHEAD // 5, AHEAD + 7])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_words_are_the_hosts_in_any_order_of_counters(order, count):
    stream = BitStream(7, count)
    for counter in order:
        np.testing.assert_array_equal(stream.draw(counter), expected(7, counter, count))


def test_two_streams_in_turn_do_not_mix():
    streams = {seed: BitStream(seed, 100) for seed in (1, 2)}
    for counter in range(8):
        for seed, stream in streams.items():
            np.testing.assert_array_equal(stream.draw(counter), expected(seed, counter, 100))


def test_a_change_in_place_reaches_no_later_draw():
    stream = BitStream(7, 100)
    for counter in range(6):
        drawn = stream.draw(counter)
        np.testing.assert_array_equal(drawn, expected(7, counter, 100))
        drawn.zero_()
    np.testing.assert_array_equal(stream.draw(2), expected(7, 2, 100))


def test_the_operation_draws_the_hosts_words_for_many_seeds_and_sizes():
    """More of them than are cached, so that some are computed again."""
    for counter in range(3):
        for seed in range(rng.MAX_STREAMS + 9):
            found = rng.random_bits(torch.tensor([seed, counter], dtype=torch.int32), 5)
            np.testing.assert_array_equal(found, expected(seed, counter, 5))


def test_the_operation_knows_its_shape_without_values():
    drawn = rng.random_bits(torch.tensor([1, 0], device="meta"), 5)
    assert (drawn.shape, drawn.dtype, drawn.device.type) == ((5,), torch.int32, "meta")


def test_threads_that_draw_from_one_seed_get_different_words():
    def draw(start):
        keys = [torch.tensor([5, counter], dtype=torch.int32) for counter in range(start, start + 300)]
        return [rng.random_bits(key, 30).numpy().tolist() for key in keys]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(draw, [0, 0, 100, 100, 0, 200, 300, 0]))
    for start, words in zip([0, 0, 100, 100, 0, 200, 300, 0], found, strict=True):
        assert words == [
            generator.random_bits(5, counter, 30).view(np.int32).tolist() for counter in range(start, start + 300)
        ]


def test_draws_ahead_are_freed_at_the_end_of_a_run():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)])
    model.compile("sgd", "mse")
    x, y = np.ones((32, 4), "float32"), np.ones((32, 3), "float32")
    seen = []
    keep = keras.callbacks.LambdaCallback(on_train_end=lambda _: seen.append(len(rng._streams)))
    kb.fit(model, x, y, batch_size=8, verbose=0, callbacks=[keep])
    assert seen[0] > 0
    assert not rng._streams
