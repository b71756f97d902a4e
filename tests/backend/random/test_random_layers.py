"""Every random Keras layer draws the same numbers on every backend, also in a compiled step, or raises an error.

The table in random_layers.json was computed once, on one backend; every backend is compared with it.
"""

import ast
import json
from pathlib import Path

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError, NotPortableError
from kerasbridge.keras_compat import keras
from kerasbridge.random import keras_patch
from kerasbridge.seeding import seed_random_layers
from tests.backend.random.random_layers import CASES, IMAGES, TABLE, measured

layers = keras.layers
EXPECTED = json.loads(TABLE.read_text())
ELSEWHERE = {  # layers with a seed that no case is called after
    "AugMix": "refused, below",
    "ConvLSTM1D": "as ConvLSTM2D",
    "ConvLSTM3D": "as ConvLSTM2D",
    "GRUCell": "in GRU",
    "LSTMCell": "in LSTM",
    "SimpleRNNCell": "in SimpleRNN",
    "JaxLayer": "hands its seed to a function of JAX's own",
    "FlaxLayer": "likewise",
}
# The image functions of Keras warn on torch.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Tensor.T is deprecated:UserWarning", "ignore:Explicitly requested dtype"
)


@pytest.mark.parametrize("name", CASES)
def test_a_layer_draws_what_it_draws_on_every_backend(name):
    """Words and masks are equal integers. Floats agree to a few units in the last place, summed over thousands."""
    case = CASES[name]
    found, expected = measured(case), dict(EXPECTED[name])
    sums = found.pop("sums", []), expected.pop("sums", [])
    assert found == expected
    np.testing.assert_allclose(*sums, rtol=2e-7, atol=2e-6 * case.x.max() * np.sqrt(case.x.size))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.steps])
def test_a_compiled_step_draws_what_the_layer_draws_when_it_is_called(name):
    """Compare the second step of a fit with the second of two plain calls."""
    fitted, called = recording(CASES[name]), recording(CASES[name])
    x = CASES[name].x
    history = kb.fit(fitted, x, np.zeros((len(x), 1)), batch_size=len(x), epochs=2, shuffle=False, seed=5, verbose=0)
    assert keras.config.backend() == "torch" or history.params["execution"] in ("looped", "jit")
    seed_random_layers(called, 5)
    with keras_patch.portable_random():
        for _ in range(2):
            called(x, training=True)
    one, other = (np.array(model.layers[-1].seen.numpy()) for model in (fitted, called))
    np.testing.assert_allclose(one, other, rtol=0, atol=4e-6 * x.max())


class Recording(layers.Layer):
    """Store the input, and return a number for each row."""

    def build(self, shape):
        self.seen = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="seen")

    def call(self, x):
        self.seen.assign(keras.ops.stop_gradient(x))
        return keras.ops.mean(keras.ops.reshape(x, (x.shape[0], -1)), axis=1, keepdims=True)


def recording(case):
    keras.utils.set_random_seed(3)
    with keras_patch.portable_random():
        inputs = keras.Input(batch_shape=case.x.shape)
        model = keras.Model(inputs, Recording()(case.build()(inputs)))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    return model


def test_a_model_with_a_random_crop_trains_on_its_crops():
    """Keras crops in training only, so that the shapes of such a model fit in training only."""
    y = np.arange(4.0)[:, None]
    with keras_patch.portable_random():
        parts = [layers.Flatten(), layers.Dense(1, kernel_initializer="ones")]
        model = keras.Sequential([keras.Input((12, 10, 3)), layers.RandomCrop(7, 6, seed=1), *parts])
        called = layers.RandomCrop(7, 6, seed=1)
        crops = [keras.ops.convert_to_numpy(called(IMAGES / 255, training=True)) for _ in range(3)]
    model.compile(keras.optimizers.SGD(0.0), "mse")
    history = kb.fit(model, IMAGES / 255, y, epochs=3, shuffle=False, verbose=0)
    assert keras.config.backend() == "torch" or history.params["execution"] == "looped"
    expected = [np.mean((crop.reshape(4, -1).sum(axis=1, keepdims=True) - y) ** 2) for crop in crops]
    np.testing.assert_allclose(history.history["loss"], expected, rtol=1e-5)
    assert len(set(expected)) > 1
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 126"):
        kb.evaluate(model, IMAGES / 255, y, verbose=0)


@pytest.mark.parametrize("size", [(7, 6), (14, 6), (14, 13)], ids=str)
def test_a_random_crop_is_evaluated_as_by_keras(size):
    """Outside of training, Keras leaves larger images as they are and resizes smaller ones."""
    y = np.arange(4.0)[:, None]
    inputs = keras.Input((12, 10, 3))
    outputs = layers.Dense(1)(layers.GlobalAveragePooling2D()(layers.RandomCrop(*size, seed=1)(inputs)))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.01), "mse")
    arguments = {"batch_size": 2, "verbose": 0}
    history = kb.fit(model, IMAGES / 255, y, validation_data=(IMAGES / 255, y), **arguments)
    loss = model.evaluate(IMAGES / 255, y, **arguments)
    assert history.history["val_loss"] == [pytest.approx(loss, rel=1e-5)]
    assert kb.evaluate(model, IMAGES / 255, y, **arguments) == pytest.approx(loss, rel=1e-5)
    expected = model.predict(IMAGES / 255, verbose=0)
    np.testing.assert_allclose(kb.predict(model, IMAGES / 255, verbose=0), expected, rtol=1e-5)


def test_every_keras_layer_with_a_seed_is_tested_or_rejected():
    with_seed = {name for name, layer in vars(layers).items() if isinstance(layer, type) and takes_seed(layer)}
    assert with_seed <= {name.split()[0] for name in CASES} | set(ELSEWHERE)


def takes_seed(layer):
    return "seed" in layer.__init__.__code__.co_varnames[: layer.__init__.__code__.co_argcount]


def test_augmix_is_rejected_by_name():
    model = keras.Sequential([keras.Input((12, 10, 3)), layers.AugMix(), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    y = np.zeros((len(IMAGES), 1))
    kb.evaluate(model, IMAGES, y, verbose=0)
    with pytest.raises(NotPortableError, match="received AugMix, whose augmentations Python chooses"):
        kb.fit(model, IMAGES, y, verbose=0)


IN_PIPELINES = [name for name, case in CASES.items() if case.x is IMAGES and name != "RandAugment"]


@pytest.mark.parametrize("name", IN_PIPELINES)
def test_a_layer_in_a_pipeline_draws_what_it_draws_in_a_model(name):
    tf = pytest.importorskip("tensorflow")
    rows = tf.data.Dataset.from_tensor_slices(IMAGES).batch(len(IMAGES), drop_remainder=True).repeat(2)
    with keras_patch.portable_random():
        mapped, called = CASES[name].build(), CASES[name].build()
        found = [batch.numpy() for batch in rows.map(lambda images: mapped(images, training=True))]
        expected = [keras.ops.convert_to_numpy(called(IMAGES, training=True)) for _ in range(2)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=4e-6 * IMAGES.max())


def test_a_layer_without_a_seed_in_a_pipeline_draws_from_the_seed_of_the_process():
    tf = pytest.importorskip("tensorflow")
    with kb.seed_everything(3):
        mapped = layers.RandomBrightness(0.4)
        (found,) = tf.data.Dataset.from_tensors(IMAGES).map(lambda images: mapped(images, training=True))
    with kb.seed_everything(3):
        expected = layers.RandomBrightness(0.4)(IMAGES, training=True)
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(expected), rtol=1e-5)


def test_elastic_transforms_of_an_unknown_number_of_images_are_an_error(backend):
    if backend != "tensorflow":
        pytest.skip("only TensorFlow has tensors of unknown size")
    import tensorflow as tf

    rows = tf.data.Dataset.from_tensor_slices(IMAGES)
    with keras_patch.portable_random():
        layer = CASES["RandomElasticTransform"].build()
        assert rows.batch(4, drop_remainder=True).map(layer).element_spec.shape == (4, 12, 10, 3)
        with pytest.raises(ArgumentError, match="Expected images of a known number"):
            rows.batch(4).map(layer)


def test_no_keras_layer_or_initializer_draws_in_another_way():
    """In the source of Keras, only replaced or unsupported functions bypass the random functions of the backend."""
    source = Path(keras.src.__file__).parent
    found = set()
    for path in (
        file for folder in ("layers", "initializers", "ops") for file in sorted((source / folder).rglob("*.py"))
    ):
        if not path.stem.endswith("_test"):
            found |= {path.stem for node in ast.walk(ast.parse(path.read_text("utf-8"))) if draws_natively(node)}
    assert found == {"aug_mix"}


def draws_natively(node):
    if isinstance(node, ast.Import):
        return any(alias.name in ("random", "numpy.random") for alias in node.names)
    names = ("np.random", "numpy.random", "tf.random", "torch.rand", "jax.random", "torch.normal", "torch.bernoulli")
    return isinstance(node, ast.Attribute) and ast.unparse(node).startswith(names)
