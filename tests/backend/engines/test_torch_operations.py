"""Operations that read a tensor's value on torch: traced by equivalents, or run eagerly with the place named."""

import re

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from tests.paths import ROOT

if keras.config.backend() != "torch":
    pytest.skip("traces of torch", allow_module_level=True)

import torch

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
    "split": lambda x: times(x, ops.split(x, [1, 2], axis=1)[1]),
    "hsplit": lambda x: times(x, ops.hsplit(x, (1, 2))[1], ops.vsplit(x, [3])[0], ops.dsplit(x, np.array([1]))[0]),
    "size": lambda x: x + ops.eye(4, 3) * ops.size(x) + ops.sum(ops.eye(ops.size(x[0, 0]))),
    "full": lambda x: x + ops.full((3,), ops.max(x)),
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
VALUE, NUMPY = "the value of a tensor is needed in Python", "it turns a tensor into NumPy numbers"
SIZE = "the size of a tensor depends on the data: "


def number(x):
    """Return a whole number, 1 to 3, that is computed from the data."""
    return first(x) % 3 + 1


def several(x):
    """Return three numbers, 0 to 9, that are computed from the data."""
    return ops.cast(x[0, 0, 0] * 9, "int32")


def times(x, *values):
    return x * (1 + sum(ops.sum(ops.cast(value, "float32")) for value in values) / 100)


def growing(x):
    """Multiply by 1.5 until a value is 3, in at most nine steps."""
    for _ in range(9):
        x = ops.where(ops.max(x) < 3, x * 1.5, x)
    return x


def fitted(x):
    return ops.matmul(flat(x), ops.ones((48, 1)))


def square(x):
    return flat(x)[:, :4]


def normal(x):
    a, at = square(x), ops.transpose(square(x))
    return ops.solve(at @ a, at @ fitted(x))


def spectrum(x, **options):
    return ops.stft(flat(x), 16, 8, 16, **options)


# What docs/training.md lists: the code that runs eagerly, the reason, and the code to write instead.
EAGER = {
    "x[mask]": (
        lambda x: times(x, x[x > 0.5]),
        SIZE + "a boolean mask",
        lambda x: times(x, ops.where(x > 0.5, x, 0.0)),
    ),
    "ops.nonzero": (
        lambda x: times(x, ops.shape(ops.nonzero(x > 0.5)[0])[0]),
        SIZE + "nonzero",
        lambda x: times(x, ops.count_nonzero(x > 0.5)),
    ),
    "ops.unique": (
        lambda x: times(x, ops.unique(several(x))),
        SIZE + "unique",
        lambda x: times(x, ops.max(ops.one_hot(several(x), 10), 0) * ops.arange(10.0)),
    ),
    "ops.bincount": (
        lambda x: times(x, ops.bincount(several(x), minlength=10)[2:]),
        SIZE + "bincount",
        lambda x: times(x, ops.sum(ops.one_hot(several(x), 10), 0)[2:]),
    ),
    "ops.repeat": (
        lambda x: times(x, ops.repeat(x[0, 0, 0], several(x))),
        SIZE + "repeat_interleave",
        lambda x: times(x, x[0, 0, 0] * ops.cast(several(x), "float32")),
    ),
    "ops.segment_sum": (
        lambda x: times(x, ops.segment_sum(x[0, 0, 0], several(x))),
        VALUE,
        lambda x: times(x, ops.segment_sum(x[0, 0, 0], several(x), num_segments=10)),
    ),
    "ops.split": (
        lambda x: times(x, ops.split(x, ops.array([1, 2]), axis=1)[1]),
        NUMPY,
        lambda x: times(x, ops.split(x, [1, 2], axis=1)[1]),
    ),
    "ops.arange": (
        lambda x: times(x, ops.arange(number(x))),
        VALUE,
        lambda x: times(x, ops.where(ops.arange(3) < number(x), ops.arange(3), 0)),
    ),
    "ops.tile": (
        lambda x: times(x, ops.tile(x[0, 0, 0], number(x)[None])),
        NUMPY,
        lambda x: times(x, ops.where(ops.arange(3)[:, None] < number(x), x[0, 0, 0], 0.0)),
    ),
    "x[i]": (lambda x: times(x, x[first(x)]), VALUE, lambda x: times(x, ops.take(x, first(x), axis=0))),
    "x[:i]": (
        lambda x: times(x, x[0, 0, : number(x)]),
        VALUE,
        lambda x: times(x, ops.where(ops.arange(4)[:, None] < number(x), x[0, 0], 0.0)),
    ),
    "ops.roll": (
        lambda x: ops.roll(x, number(x), axis=1),
        VALUE,
        lambda x: ops.take(x, (ops.arange(4) - number(x)) % 4, axis=1),
    ),
    "ops.top_k": (
        lambda x: times(x, ops.top_k(x[0, 0, 0], number(x))[0]),
        VALUE,
        lambda x: times(x, ops.where(ops.arange(3) < number(x), ops.top_k(x[0, 0, 0], 3)[0], 0.0)),
    ),
    "if": (
        lambda x: x * 2 if ops.sum(x) > 390 else x,
        VALUE,
        lambda x: ops.cond(ops.sum(x) > 390, lambda: x * 2, lambda: x),
    ),
    "float": (lambda x: x * float(ops.mean(x)), VALUE, lambda x: x * ops.mean(x)),
    "max": (
        lambda x: x * max(ops.mean(x), ops.max(x) / 2),
        VALUE,
        lambda x: x * ops.maximum(ops.mean(x), ops.max(x) / 2),
    ),
    "torch.equal": (
        lambda x: x + torch.equal(x, x),
        VALUE,
        lambda x: x + ops.cast(ops.all(ops.equal(x, x)), "float32"),
    ),
    "ops.while_loop": (
        lambda x: ops.while_loop(lambda v: ops.max(v) < 3, lambda v: (v * 1.5,), (x,))[0],
        VALUE,
        growing,
    ),
    "ops.fori_loop": (
        lambda x: ops.fori_loop(0, number(x), lambda _, v: v * 1.1, x),
        VALUE,
        lambda x: ops.fori_loop(0, 3, lambda k, v: ops.where(k < number(x), v * 1.1, v), x),
    ),
    "ops.switch": (
        lambda x: ops.switch(number(x) - 1, [lambda v: v, lambda v: v * 2, lambda v: v * 3], x),
        VALUE,
        lambda x: ops.take(ops.stack([x, x * 2, x * 3]), number(x) - 1, axis=0),
    ),
    "ops.convert_to_numpy": (
        lambda x: times(x, np.median(ops.convert_to_numpy(x))),
        NUMPY,
        lambda x: times(x, ops.median(x)),
    ),
    "ops.lstsq": (lambda x: times(x, ops.lstsq(square(x), fitted(x))), SIZE + "lstsq", lambda x: times(x, normal(x))),
    "ops.istft": (
        lambda x: times(x, ops.istft(spectrum(x), 16, 8, 16)),
        VALUE,
        lambda x: times(x, ops.istft(spectrum(x, center=False), 16, 8, 16, center=False)),
    ),
    "ops.ctc_decode": (
        lambda x: times(x, ops.ctc_decode(x[:, 0], ops.full((8,), 4), "beam_search", beam_width=4)[1]),
        NUMPY,
        lambda x: times(x, ops.ctc_decode(x[:, 0], ops.full((8,), 4), "greedy")[1]),
    ),
}
OTHER_NUMBERS = ("ops.istft", "ops.ctc_decode")
"""What is written instead of these computes something else."""


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
def test_a_size_or_value_that_depends_on_the_data_runs_eagerly_unless_written_otherwise(name):
    function, reason, instead = EAGER[name]
    history = train(kb.fit, function)
    assert history.params["execution"] == "eager"
    found = re.escape(f"the step cannot be traced: {reason} (the layer 'apply', line ")
    assert re.fullmatch(rf"{found}\d+ of test_torch_operations\.py\)", history.params["execution_reason"])
    expected = train(lambda model, *data, **options: model.fit(*data, **options), function).history
    np.testing.assert_allclose(history.history["loss"], expected["loss"], rtol=1e-6)
    other = train(kb.fit, instead)
    assert other.params["execution"] == "traced"
    if name not in OTHER_NUMBERS:
        np.testing.assert_allclose(other.history["loss"], expected["loss"], rtol=1e-4)


def test_the_documentation_lists_what_runs_eagerly():
    page = (ROOT / "docs" / "training.md").read_text("utf-8")
    table = page[page.index("| runs eagerly on torch |") :].split("\n\n")[0]
    listed = " ".join(row.split(" | ")[0] for row in table.splitlines())
    assert [
        name for name in [*EAGER, "Hashing", "RandAugment", "TorchModuleWrapper"] if f"`{name}`" not in listed
    ] == []


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


def circle(fit, loss):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.UnitNormalization()])
    model.layers[0].set_weights([np.eye(4, 3), np.zeros(3)])
    model.compile(keras.optimizers.SGD(0.1), loss)
    return fit(model, X[:, 0, 0, :1].repeat(4, 1) * np.arange(1, 5), np.arange(16) % 3, epochs=2, **PLAIN)


def test_the_circle_loss_is_traced():
    history = circle(kb.fit, keras.losses.Circle())
    assert history.params["execution"] == "traced"
    expected = circle(lambda model, *data, **options: model.fit(*data, **options), keras.losses.Circle()).history
    np.testing.assert_allclose(history.history["loss"], expected["loss"], rtol=1e-5)


class ByValue(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return ops.mean(y_pred[:, 0]) * float(ops.mean(y_pred))


class Labels(keras.metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(ops.unique(ops.cast(y_true, "int32")))


@pytest.mark.parametrize(
    ("loss", "metrics", "origin"),
    [
        (ByValue(name="by_value"), [], "the loss 'by_value', line "),
        ("sparse_categorical_crossentropy", [Labels("labels")], "the metric 'labels', line "),
        (lambda y_true, y_pred: ops.mean(y_pred) * float(ops.mean(y_pred)), [], "line "),
    ],
)
def test_the_reason_names_the_loss_or_metric_and_the_line(loss, metrics, origin):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, "softmax")])
    model.compile("sgd", loss, metrics=metrics)
    reason = kb.fit(model, X[:, 0, 0, :1].repeat(4, 1), np.arange(16) % 3, **PLAIN).params["execution_reason"]
    assert origin in reason
    assert reason.endswith("of test_torch_operations.py)")


def trained(layer, x):
    model = keras.Sequential([keras.Input(x.shape[1:], dtype=str(x.dtype)), layer, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    return kb.fit(model, x, Y, **PLAIN).params["execution_reason"]


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (lambda: layers.Hashing(3, name="it"), np.arange(64).reshape(16, 4)),
        (lambda: layers.IntegerLookup(vocabulary=[1, 2], name="it"), np.arange(64).reshape(16, 4)),
        (lambda: layers.RandAugment(name="it", seed=0), X),
        (lambda: layers.TorchModuleWrapper(torch.nn.BatchNorm1d(4), "it", output_shape=(None, 4)), X[:, 0, :, 0]),
    ],
)
def test_the_reason_for_a_layer_of_keras_names_it_without_a_line(layer, x):
    assert trained(layer(), x).endswith("(the layer 'it')")
