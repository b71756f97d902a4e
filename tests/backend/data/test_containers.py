"""The entries of every container go to the input and the output of their name, at every entry point."""

from collections import OrderedDict, UserDict, deque, namedtuple
from types import MappingProxyType

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from tests.backend.data.test_adapters import Batches, generator, grain, loader, tf_data

P, Q = np.full((8, 1), 1.0, "float32"), np.full((8, 1), 10.0, "float32")
BY_NAME = {"q": Q, "p": P}
Pair = namedtuple("Pair", "q p")
MAPPINGS = {
    "OrderedDict": OrderedDict(BY_NAME),
    "named tuple": Pair(**BY_NAME),
    "UserDict": UserDict(BY_NAME),
    "read-only dict": MappingProxyType(BY_NAME),
    "dict with another entry": {"another": -P, **BY_NAME},
}


def tracked(container):
    """Return a container as a Keras layer stores it."""
    layer = keras.layers.Layer()
    layer.container = container
    return layer.container


class Around(keras.Model):
    """A model that passes its input to another model."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        return self.inner(x)


def copies(make=dict, make_outputs=dict):
    """Return a model of the inputs p and q whose outputs equal them."""
    inputs = {name: keras.Input((1,), name=name) for name in ("q", "p")}
    outputs = {
        name: keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name=f"{name}_out")(tensor)
        for name, tensor in inputs.items()
    }
    return compiled(keras.Model(_make(make, inputs), _make(make_outputs, outputs)))


def compiled(model):
    model.compile(keras.optimizers.SGD(0.0), "mae", metrics=None)
    return model


def _make(kind, entries):
    if kind is list:
        return [entries["p"], entries["q"]]
    return kind(**entries) if kind is Pair else kind(entries)


def assert_everywhere_by_name(model, x, y):
    """Assert that each loss is zero, and each prediction equals its input."""
    data = {"validation_data": (x, y), "verbose": 0}
    assert kb.fit(model, x, y, sample_weight=y, **data).history["val_loss"] == [0.0]
    assert kb.fit(model, generator([(x, y, y)] * 2), **data).history["loss"] == [0.0]
    assert kb.fit(model, Batches([(x, y)] * 2), verbose=0, validation_data=Batches([(x, y)])).history["loss"] == [0.0]
    assert np.max(kb.evaluate(model, x, y, verbose=0)) == 0.0
    predicted = kb.predict(model, x, verbose=0)
    p, q = predicted if isinstance(predicted, list) else (predicted["p"], predicted["q"])
    np.testing.assert_array_equal([p, q], [P, Q])


@pytest.mark.parametrize("kind", MAPPINGS)
def test_a_mapping_is_matched_by_name(kind):
    x = MAPPINGS[kind]
    y = BY_NAME if kind == "dict with another entry" else x
    model = copies()
    assert_everywhere_by_name(model, x, y)
    around = compiled(Around(model))
    assert kb.fit(around, x, y, verbose=0).history["loss"] == [0.0]
    assert kb.fit(copies(make=list), x, BY_NAME, step=distance, verbose=0).history["loss"] == [0.0]


def distance(model, batch):
    predictions = model(batch.x)
    p, q = predictions if isinstance(predictions, list) else (predictions["p"], predictions["q"])
    return keras.ops.mean(keras.ops.abs(p - batch.y["p"]) + keras.ops.abs(q - batch.y["q"]))


def test_containers_of_keras_and_deques_are_those_that_they_contain():
    x = tracked(dict(BY_NAME))
    assert type(x) is not dict
    assert_everywhere_by_name(copies(), x, x)
    for sequence in (tracked([P, Q]), deque([P, Q])):
        assert type(sequence) is not list
        assert_everywhere_by_name(copies(list, list), sequence, sequence)


@pytest.mark.parametrize(("make", "make_outputs"), [(OrderedDict, OrderedDict), (Pair, dict), (list, dict)])
def test_the_containers_of_the_model_do_not_matter(make, make_outputs):
    for given in (BY_NAME, MAPPINGS["OrderedDict"], MAPPINGS["named tuple"]):
        assert_everywhere_by_name(copies(make, make_outputs), given, given)


def test_losses_by_the_names_of_outputs_in_an_ordered_dict():
    model = copies(dict, OrderedDict)
    model.compile(keras.optimizers.SGD(0.0), {"p": "mae", "q": "mse"}, metrics={"q": ["mae"]})
    for target in BY_NAME, OrderedDict(BY_NAME):
        history = kb.fit(model, BY_NAME, target, verbose=0, validation_data=(BY_NAME, target)).history
        for values in history.values():
            assert values == [0.0]


def test_targets_by_the_names_of_outputs_in_a_list():
    outputs = OrderedDict([("q_out", Q), ("p_out", P)])
    for y in (outputs, namedtuple("Outputs", outputs)(**outputs)):
        assert_everywhere_by_name(copies(dict, list), BY_NAME, y)


@pytest.mark.parametrize("make", [tf_data, loader, grain])
def test_batches_of_loaders_are_matched_by_name(make):
    for given in (MAPPINGS["OrderedDict"], MAPPINGS["named tuple"]):
        assert kb.fit(copies(), make([(given, given)]), verbose=0).history["loss"] == [0.0]


def test_labels_in_a_named_tuple_are_checked():
    inputs = keras.Input((1,))
    outputs = {name: keras.layers.Dense(3, activation="softmax", name=name)(inputs) for name in ("p", "q")}
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(kb.errors.DataError, match=r"^y\['q'\] contains the label 10\.0 in row 0"):
        kb.fit(model, P, Pair(**BY_NAME), verbose=0)
