"""Every kind of data trains, evaluates and predicts like the same batches passed as arrays."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.keras_compat import keras
from tests.backend.models import CASES, CLASSES, assert_same_state, mlp, seeded, two_in_two_out

X, Y = CASES["MLP"].arrays(203)  # 25 batches of 8 and one of 3
WEIGHTS = np.linspace(0, 2, 203).astype("float32")
HELD = X[:50], Y[:50], WEIGHTS[:50]
PLAIN = {"shuffle": False, "verbose": 0, "seed": 1}


def cut(*arrays, size=8):
    """Split arrays into batches, as tuples; nested structures are kept."""
    rows = len(keras.tree.flatten(arrays)[0])
    return [keras.tree.map_structure(lambda leaf, at=at: leaf[at : at + size], arrays) for at in range(0, rows, size)]


class Batches(keras.utils.PyDataset):
    """A PyDataset of the given batches."""

    def __init__(self, batches, **options):
        super().__init__(**options)
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


class Endless(Batches):
    """A PyDataset of unknown length."""

    num_batches = None

    def __getitem__(self, index):
        return self.batches[index % len(self.batches)]


def generator(batches):
    yield from batches


def tf_data(batches):
    tf = pytest.importorskip("tensorflow")
    whole = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *batches)
    return tf.data.Dataset.from_tensor_slices(whole).batch(len(keras.tree.flatten(batches[0])[0]))


def unknown_length(batches):
    return tf_data(batches).filter(lambda *_: True)


def loader(batches):
    torch = pytest.importorskip("torch")
    return torch.utils.data.DataLoader(batches, batch_size=None)


def iterable_loader(batches):
    torch = pytest.importorskip("torch")

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(batches)

    return torch.utils.data.DataLoader(Stream(), batch_size=None)


def grain(batches):
    return pytest.importorskip("grain").MapDataset.source(batches)


def grain_iterator(batches):
    return grain(batches).to_iter_dataset()


KINDS = {
    "generator": generator,
    "PyDataset": Batches,
    "PyDataset with workers": lambda batches: Batches(batches, workers=3),
    "tf.data": tf_data,
    "tf.data of unknown length": unknown_length,
    "DataLoader": loader,
    "DataLoader of unknown length": iterable_loader,
    "Grain": grain,
    "Grain iterator": grain_iterator,
}
KNOWN = {"PyDataset", "PyDataset with workers", "tf.data", "DataLoader"}


def linear(width=12):
    """Return the smallest model that learns, with a metric that depends on weights."""
    model = keras.Sequential([keras.Input((width,)), keras.layers.Dense(CLASSES, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    return model


def trained(*data, build=linear, **arguments):
    """Return a model after its training, and its history."""
    model = seeded(build)
    given = dict(zip(("x", "y", "sample_weight"), data, strict=False))
    return model, kb.fit(model, **given, **{**PLAIN, **arguments})


def assert_trains_as(batches, arrays, build=linear, **arguments):
    """Assert that an iterable of batches and arrays give bit-identical results."""
    model, history = trained(batches, build=build, **arguments)
    expected, wanted = trained(*arrays, build=build, batch_size=8, **arguments)
    assert history.history == wanted.history
    assert_same_state(model, expected)


@pytest.fixture(scope="module")
def by_arrays():
    """The result of two epochs on arrays with weights: the model, its history, evaluation and predictions."""
    model, history = trained(X, Y, WEIGHTS, batch_size=8, epochs=2, validation_data=HELD, validation_batch_size=8)
    tested = kb.evaluate(model, X, Y, batch_size=8, sample_weight=WEIGHTS, verbose=0)
    return model, history.history, tested, kb.predict(model, X, batch_size=8, verbose=0)


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "generator"])
def test_batches_train_like_arrays(kind, by_arrays):
    make, (expected, history, tested, predictions) = KINDS[kind], by_arrays
    source = make(cut(X, Y, WEIGHTS))
    model, found = trained(source, epochs=2, validation_data=make(cut(*HELD)))
    assert found.history == history
    assert_same_state(model, expected)
    assert kb.evaluate(model, source, verbose=0) == tested
    np.testing.assert_array_equal(kb.predict(model, make(cut(X)), verbose=0), predictions)
    assert found.params["steps"] == (26 if kind in KNOWN else None)


def test_a_generator_trains_like_arrays():
    expected, wanted = trained(X, Y, WEIGHTS, batch_size=8, validation_data=HELD, validation_batch_size=8)
    model, history = trained(generator(cut(X, Y, WEIGHTS)), validation_data=generator(cut(*HELD)))
    assert history.history == wanted.history
    assert_same_state(model, expected)
    tested = kb.evaluate(model, X, Y, batch_size=8, verbose=0)
    assert kb.evaluate(model, generator(cut(X, Y)), verbose=0) == tested
    predictions = kb.predict(model, X, batch_size=8, verbose=0)
    np.testing.assert_array_equal(kb.predict(model, generator(cut(X)), verbose=0), predictions)


@pytest.mark.parametrize("make", [generator, Batches, tf_data])
def test_dicts_of_batches_train_as_arrays(make):
    data = CASES["two inputs, two outputs"].arrays(43)
    assert_trains_as(make(cut(*data)), data, build=two_in_two_out)


@pytest.mark.once
def test_one_weight_per_sample_applies_to_every_output():
    x, y = CASES["two inputs, two outputs"].arrays(40)
    each = {"kind": WEIGHTS[:40], "size": WEIGHTS[:40]}
    model, history = trained(x, y, WEIGHTS[:40], build=two_in_two_out, batch_size=8)
    expected, wanted = trained(x, y, each, build=two_in_two_out, batch_size=8)
    assert history.history == wanted.history
    assert_same_state(model, expected)


@pytest.mark.parametrize("make", [generator, Batches])
def test_nests_of_batches_train_as_arrays(make):
    data = {"pair": {"left": X[:, :4], "right": X[:, 4:]}}, Y
    assert_trains_as(make(cut(*data)), data, build=nested)


def nested():
    inputs = {"pair": {"left": keras.Input((4,)), "right": keras.Input((8,))}}
    joined = keras.layers.concatenate([inputs["pair"]["left"], inputs["pair"]["right"]])
    model = keras.Model(inputs, keras.layers.Dense(CLASSES, activation="softmax")(joined))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_batches_of_tensors_and_of_float64_train_as_arrays():
    tensors = [tuple(map(keras.ops.convert_to_tensor, batch)) for batch in cut(X, Y)]
    expected = trained(X, Y, batch_size=8)[0]
    assert_same_state(trained(generator(tensors))[0], expected)
    assert_same_state(trained(generator(cut(X.astype("float64"), Y)))[0], expected)


def test_validation_steps_start_again_each_time():
    history = trained(X, Y, validation_data=Batches(cut(X, Y)), validation_steps=3, epochs=3)[1].history
    by_hand = trained(X, Y, validation_data=(X[:24], Y[:24]), validation_batch_size=8, epochs=3)[1].history
    assert history == by_hand


@pytest.mark.parametrize(("make", "steps"), [(Batches, None), (Endless, 26), (tf_data, None)])
def test_class_weight_of_batches_is_that_of_arrays(make, steps):
    weights = {0: 0.1, 1: 1.0, 2: 3.0, 3: 1.0, 4: 0.0}
    model, _ = trained(make(cut(X, Y)), class_weight=weights, steps_per_epoch=steps)
    assert_same_state(model, trained(X, Y, batch_size=8, class_weight=weights)[0])


@pytest.mark.parametrize("make", [generator, Batches])
def test_an_unbuilt_model_is_built_by_the_first_batch_which_is_trained_on(make):
    def build():
        model = keras.Sequential([keras.layers.Dense(CLASSES, activation="softmax", kernel_initializer="ones")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    assert_trains_as(make(cut(X, Y)), (X, Y), build=build)


# Arrays of other libraries --------------------------------------------------------------------------------------------


def test_data_frames_and_series_train_as_arrays():
    pandas = pytest.importorskip("pandas")
    frame, series = pandas.DataFrame(X), pandas.Series(Y)
    model, history = trained(frame, series, batch_size=8, sample_weight=pandas.Series(WEIGHTS))
    expected, wanted = trained(X, Y, batch_size=8, sample_weight=WEIGHTS)
    assert history.history == wanted.history
    assert_same_state(model, expected)


def test_a_series_is_a_column():
    pandas = pytest.importorskip("pandas")
    model = keras.Sequential([keras.layers.Dense(1)])
    assert kb.predict(model, pandas.Series(WEIGHTS), verbose=0).shape == (203, 1)


def scipy_rows(x):
    return pytest.importorskip("scipy.sparse").csr_matrix(x)


def tensorflow_rows(x):
    return pytest.importorskip("tensorflow").sparse.from_dense(x)


def ragged_rows(x):
    return pytest.importorskip("tensorflow").RaggedTensor.from_tensor(x)


def jax_rows(x):
    pytest.importorskip("jax")
    return pytest.importorskip("jax.experimental.sparse").BCOO.fromdense(x)


@pytest.mark.parametrize("make", [scipy_rows, tensorflow_rows, ragged_rows, jax_rows])
def test_sparse_rows_train_as_arrays(make):
    thinned = np.where(X > 0.5, X, 0)
    model, history = trained(make(thinned), Y, batch_size=8, shuffle=True, validation_split=0.2)
    expected, wanted = trained(thinned, Y, batch_size=8, shuffle=True, validation_split=0.2)
    assert history.history == wanted.history
    assert_same_state(model, expected)


@pytest.mark.parametrize("make", [scipy_rows, tensorflow_rows])
def test_batches_of_sparse_rows_train_as_arrays(make):
    thinned = np.where(X > 0.5, X, 0)
    assert_trains_as(generator([(make(x), y) for x, y in cut(thinned, Y)]), (thinned, Y))


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "in batches"])
def test_texts_train_on_tensorflow(backend, streams):
    if backend != "tensorflow":
        pytest.skip("no string tensors")
    words = np.array(["green", "red", "light blue", "red"] * 10).reshape(-1, 1)
    labels = (words == "red").astype("float32")
    lookup = keras.layers.StringLookup(vocabulary=["red", "green", "light blue"], output_mode="one_hot")
    model = keras.Sequential([keras.Input((1,), dtype="string"), lookup, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.2), "mse")
    one_by_one = [(words[at : at + 1], labels[at : at + 1]) for at in range(40)]
    if streams:
        kb.fit(model, generator(2 * one_by_one), verbose=0)
    else:
        kb.fit(model, words, labels, 1, epochs=2, shuffle=False, verbose=0)
    assert len(model._kerasbridge_compiled) == 1
    np.testing.assert_allclose(kb.predict(model, words[:3], verbose=0)[:, 0], [0, 1, 0], atol=0.2)


# Hugging Face ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def table():
    """A Hugging Face dataset without a format."""
    datasets = pytest.importorskip("datasets")
    columns = {"left": X[:, :4], "right": X[:, 4:], "kind": Y, "weight": WEIGHTS}
    return datasets.Dataset.from_dict({name: column.tolist() for name, column in columns.items()})


def test_a_hugging_face_dataset_trains_as_arrays(table):
    rows = table.remove_columns(["right", "weight"]).with_format("numpy")
    rows = rows.rename_columns({"kind": "label", "left": "target"})  # only the first possible name is the target

    both = {"build": lambda: linear(4), "batch_size": 8, "shuffle": True}
    model, history = trained(rows, validation_data=rows, **both)
    expected, wanted = trained(X[:, :4], Y, validation_data=(X[:, :4], Y), **both)
    assert history.history == wanted.history
    assert_same_state(model, expected)
    assert kb.predict(model, rows, verbose=0).shape == (203, CLASSES)
    assert kb.evaluate(model, rows, verbose=0) == kb.evaluate(model, X[:, :4], Y, verbose=0)


def test_columns_are_named_and_several_are_a_dict(table):
    def build():
        inputs = {"left": keras.Input((4,), name="left"), "right": keras.Input((8,), name="right")}
        joined = keras.layers.concatenate([inputs["left"], inputs["right"]])
        model = keras.Model(inputs, keras.layers.Dense(CLASSES, activation="softmax")(joined))
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    rows = table.with_format("numpy")
    model, history = trained(rows, "kind", sample_weight="weight", batch_size=8, build=build)
    inputs = {"left": X[:, :4], "right": X[:, 4:]}
    expected, wanted = trained(inputs, Y, sample_weight=WEIGHTS, batch_size=8, build=build)
    assert history.history == wanted.history
    assert_same_state(model, expected)


def test_a_hugging_face_dataset_without_a_format_raises_an_error_with_the_fix(table):
    with pytest.raises(DataError, match=r'Call dataset\.with_format\("numpy"\) first\.$'):
        kb.fit(mlp(), table, "kind", verbose=0)


def test_a_missing_column_is_named_with_the_existing_ones(table):
    with pytest.raises(DataError, match=r"\(left, right, kind, weight\); received 'digit'\.$"):
        kb.fit(mlp(), table.with_format("numpy"), "digit", verbose=0)


# Invalid input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "received"),
    [
        ([1, 2, 3], "int in a list"),
        ("abc", "str"),
        (object(), "object"),
        ({"a": [X, "b"]}, "str in a dict"),
        (7, "int"),
    ],
)
def test_a_file_without_data_raises_one_sentence(x, received):
    with pytest.raises(DataError, match=rf"^Expected x to be arrays \(NumPy, .*; received {received}\.$"):
        kb.fit(mlp(), x, Y, verbose=0)


@pytest.mark.parametrize("name", ["y", "sample_weight"])
def test_targets_in_addition_to_batches_are_rejected(name):
    with pytest.raises(ArgumentError, match=rf"^Expected no {name} with a Batches"):
        kb.fit(mlp(), Batches(cut(X, Y)), **{name: Y}, verbose=0)


@pytest.mark.parametrize("make", [Batches, loader])
def test_a_source_without_batches_is_an_error(make):
    model = mlp()
    kb.fit(model, X, Y, verbose=0)
    with pytest.raises(DataError, match=r"^Expected at least one batch, received none from the "):
        kb.fit(model, make([]), verbose=0)


def test_a_validation_split_of_batches_is_rejected():
    with pytest.raises(ArgumentError, match="Expected arrays with validation_split"):
        kb.fit(mlp(), Batches(cut(X, Y)), validation_split=0.2, verbose=0)
