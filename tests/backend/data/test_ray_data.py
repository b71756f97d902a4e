"""A shard of Ray Data trains as the arrays that it contains; here a double of it, since Ray is not installed."""

from types import SimpleNamespace

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.data.ray_data import Shard
from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.keras_compat import keras
from kerasbridge.runtime.world import World

pytestmark = pytest.mark.once
RNG = np.random.default_rng(0)
COLUMNS = {"x": RNG.random((50, 3), "float32"), "label": RNG.integers(0, 2, 50), "weight": RNG.random(50)}


class DataIterator:
    """The part of an iterator of Ray Data that is used."""

    def __init__(self, *names):
        self._columns = {name: COLUMNS[name] for name in names or ("x", "label")}

    def schema(self):
        return SimpleNamespace(names=list(self._columns))

    def iter_batches(self, batch_size, batch_format):
        assert batch_format == "numpy"
        for start in range(0, 50, batch_size):
            yield {name: column[start : start + batch_size] for name, column in self._columns.items()}


DataIterator.__module__ = "ray.data.iterator"


def train(*arguments, **keywords):
    """Train a model, and return its history and weights."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    kb.reinitialize(model, 1)
    model.compile("adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    history = kb.fit(model, *arguments, epochs=3, batch_size=16, verbose=0, **keywords)
    return history.history, model.get_weights()


def test_a_shard_trains_as_its_columns_in_their_order():
    x, y, weight = COLUMNS.values()
    arrays = train(x, y, sample_weight=weight, shuffle=False, validation_data=(x, y, weight))
    data = DataIterator(*COLUMNS)
    shard = train(data, "label", sample_weight="weight", validation_data=(data, "label", "weight"))
    assert shard[0] == arrays[0]
    for mine, its in zip(shard[1], arrays[1], strict=True):
        np.testing.assert_array_equal(mine, its)


def test_columns_are_named_by_default():
    assert train(DataIterator())[0] == train(COLUMNS["x"], COLUMNS["label"], shuffle=False)[0]


def test_a_continued_run_begins_at_the_end_of_an_epoch(tmp_path, caplog):
    settings = {"run_dir": tmp_path / "run", "checkpoint_every": "2 steps", "resume": True}
    whole = train(DataIterator())

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.optimizer.iterations) == 7:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(DataIterator(), callbacks=[Stop()], **settings)
    continued = train(DataIterator(), **settings)
    assert continued[0] == whole[0]
    assert "the run continues at the beginning of an epoch" in caplog.text


@pytest.mark.parametrize(
    ("error", "arguments", "message"),
    [
        (
            DataError,
            {"y": "no"},
            r"^Expected y to name columns of the Ray Data shard \(x, label\); received 'no'",
        ),
        (ArgumentError, {"steps_per_epoch": 2}, r"^Expected no steps_per_epoch with a Ray Data shard: an epoch is all"),
    ],
)
def test_what_a_shard_cannot_do_is_refused(error, arguments, message):
    with pytest.raises(error, match=message):
        train(DataIterator(), **arguments)


@pytest.mark.parametrize(
    ("batch_size", "sees_whole", "message"),
    [
        (15, False, r"^Expected a batch_size of all workers together that is a multiple of 2, .* received 15\."),
        (2, False, r"with two rows or more for each, .* received 2\."),
        (16, True, r"^Expected data that every worker reads whole on jax, received a Ray Data shard\."),
    ],
)
def test_batches_that_workers_cannot_share_are_refused(batch_size, sees_whole, message):
    engine = SimpleNamespace(name="jax", world=World(size=2), sees_whole_batches=sees_whole)
    with pytest.raises(ArgumentError, match=message):
        Shard.of(DataIterator(), None, None, None).stream(engine, batch_size, None, "steps_per_epoch")
