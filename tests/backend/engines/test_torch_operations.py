"""Operations that read a tensor's value on torch: traced by equivalents, or run eagerly with the place named."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras

pytestmark = pytest.mark.skipif(keras.config.backend() != "torch", reason="traces of torch")
layers, ops = keras.layers, keras.ops
RNG = np.random.default_rng(0)
X = RNG.random((16, 4, 4, 3)).astype("float32")
Y = RNG.random((16, 1)).astype("float32")
PLAIN = {"batch_size": 8, "shuffle": False, "verbose": 0}


class Apply(layers.Layer):
    def __init__(self, function):
        super().__init__(name="apply")
        self.function = function

    def call(self, x):
        return self.function(x)

    def compute_output_shape(self, shape):
        return shape


def flat(x):
    return ops.reshape(x, (-1, 48))


def first(x):
    return ops.argmax(ops.sum(x, (1, 2, 3)))


TRACED = {
    "one_hot": lambda x: x + ops.sum(ops.one_hot(ops.cast(x * 3, "int32"), 3) * x[..., None]),
    "one_hot of labels that are none": lambda x: x + ops.mean(ops.one_hot(ops.cast(x * 3, "int32") - 1, 3)),
    "scatter": lambda x: x * ops.sum(ops.scatter(ops.array([[0], [2], [0]]), x[:3, 0, 0, 0], (3,))),
    "slice from a tensor": lambda x: x + ops.slice(x, (first(x), 0, 0, 0), (1, 4, 4, 3)),
    "corrcoef": lambda x: x * ops.mean(ops.corrcoef(flat(x))),
    "corrcoef of one row": lambda x: x * ops.corrcoef(ops.array([1.0, -1.0]) * ops.max(x)),
    "gaussian_blur": lambda x: ops.image.gaussian_blur(x, (3, 3), (0.7, 1.3)),
    "ctc_loss": lambda x: (
        x
        + ops.mean(
            ops.ctc_loss(ops.ones((8, 2), "int32"), x[:, :, 0], ops.full((8,), 2, "int32"), ops.full((8,), 4, "int32"))
        )
    ),
}
EAGER = {
    "a boolean mask": (lambda x: x * ops.mean(x[x > 0.5]), "a boolean mask"),
    "nonzero": (lambda x: x * ops.cast(ops.shape(ops.nonzero(x[:, 0, 0, 0] > 0.5)[0])[0], "float32"), "nonzero"),
    "unique": (lambda x: x * float(ops.unique(ops.cast(x * 9, "int32")).shape[0]), "unique"),
    "an if": (lambda x: x * 2 if ops.sum(x) > 200 else x, "the value of a tensor is needed in Python"),
    "NumPy": (lambda x: x * float(ops.convert_to_numpy(ops.mean(x))), "NumPy"),
}


def train(fit, function):
    model = keras.Sequential([keras.Input((4, 4, 3)), Apply(function), layers.Flatten(), layers.Dense(1)])
    model.layers[-1].set_weights([np.full((48, 1), 0.01), np.zeros(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return fit(model, X, Y, epochs=2, **PLAIN)


@pytest.mark.parametrize("name", TRACED)
def test_an_operation_that_reads_values_is_traced(name):
    history = train(kb.fit, TRACED[name])
    assert history.params["execution"] == "traced"
    expected = train(lambda model, *data, **options: model.fit(*data, **options), TRACED[name]).history
    np.testing.assert_allclose(history.history["loss"], expected["loss"], rtol=1e-5)


@pytest.mark.parametrize("name", EAGER)
def test_a_size_or_value_that_depends_on_the_data_runs_eagerly(name):
    function, reason = EAGER[name]
    history = train(kb.fit, function)
    assert history.params["execution"] == "eager"
    assert reason in history.params["execution_reason"]
    assert "(the layer 'apply', line " in history.params["execution_reason"]
    expected = train(lambda model, *data, **options: model.fit(*data, **options), function).history
    np.testing.assert_allclose(history.history["loss"], expected["loss"], rtol=1e-6)


@pytest.mark.parametrize("metric", ["MeanIoU", "OneHotMeanIoU"])
def test_metrics_that_count_pairs_of_classes_are_traced(metric):
    options = {"sparse_y_pred": False} if metric == "MeanIoU" else {}
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, "softmax")])
    labels = RNG.integers(0, 3, 16)
    y = labels if metric == "MeanIoU" else np.eye(3, dtype="float32")[labels]
    loss = "sparse_categorical_crossentropy" if metric == "MeanIoU" else "categorical_crossentropy"
    model.compile(keras.optimizers.SGD(0.0), loss, metrics=[getattr(keras.metrics, metric)(3, name="iou", **options)])
    history = kb.fit(model, X[:, 0, 0, :1].repeat(4, 1), y, **PLAIN)
    assert history.params["execution"] == "traced"
    stock = model.evaluate(X[:, 0, 0, :1].repeat(4, 1), y, verbose=0, return_dict=True)
    assert history.history["iou"][0] == pytest.approx(stock["iou"], abs=1e-6)
