"""Draws in the body of a loop, or in a recurrent cell, are the same on every backend, with and without a seed."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras

ops = keras.ops
X, Y = np.zeros((6, 3, 4), "float32"), np.zeros((6, 3, 4), "float32")


class Cell(keras.layers.Layer):
    state_size = 4

    def __init__(self, seeds):
        super().__init__()
        self.seeds = seeds

    def call(self, x, states):
        h = x + states[0] + draw(self.seeds)
        return h, [h]


class Noisy(keras.Model):
    """Adds noise in a loop."""

    def __init__(self, loop, seeded):
        super().__init__()
        self.loop, self.seeds = loop, keras.random.SeedGenerator(3) if seeded else None
        if loop == "rnn":
            self.rnn = keras.layers.RNN(Cell(self.seeds), return_sequences=True)

    def call(self, x):
        return LOOPS[self.loop](self, x)


def draw(seeds):
    return keras.random.uniform((4,), seed=seeds)


LOOPS = {
    "map": lambda model, x: ops.map(lambda row: row + draw(model.seeds), x),
    "fori_loop": lambda model, x: ops.fori_loop(0, 3, lambda _, total: total + draw(model.seeds), x),
    "while_loop": lambda model, x: ops.while_loop(
        lambda index, _: index < 3, lambda index, total: (index + 1, total + draw(model.seeds)), (0, x)
    )[1],
    "nested": lambda model, x: ops.map(
        lambda row: ops.fori_loop(0, 2, lambda _, total: total + draw(model.seeds), row), x
    ),
    "rnn": lambda model, x: model.rnn(x),
}
EXPECTED = {
    ("map", False): [0.592779, 0.53808],
    ("map", True): [0.391117, 0.560375],
    ("fori_loop", False): [1.688827, 1.534013],
    ("fori_loop", True): [1.247151, 1.76112],
    ("while_loop", False): [1.688827, 1.534013],
    ("while_loop", True): [1.247151, 1.76112],
    ("nested", False): [1.130859, 1.015353],
    ("nested", True): [0.951493, 1.046391],
    ("rnn", False): [1.164869, 0.923621],
    ("rnn", True): [0.894911, 1.067331],
}


@pytest.mark.parametrize(("loop", "seeded"), EXPECTED)
def test_draws_in_a_loop_are_those_of_the_other_backends(loop, seeded):
    model = Noisy(loop, seeded)
    model.compile(keras.optimizers.SGD(0.0), "mae")
    history = kb.fit(model, X, Y, batch_size=2, epochs=2, shuffle=False, seed=0, verbose=0)
    assert history.history["loss"] == pytest.approx(EXPECTED[loop, seeded], abs=1e-5)
