"""Models of the package tf_keras, a maintained Keras 2, compute the same after importing."""

import warnings

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.runtime import backend as choice
from tests.importers.nets import assert_close

RANDOM = np.random.default_rng(1)


@pytest.fixture(scope="module")
def old():
    """The package tf_keras."""
    if choice.configure().backend != "tensorflow":
        pytest.skip("tf_keras needs TensorFlow; its files are the same for every backend")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("tf_keras", reason="tf_keras is not installed: pip install tf_keras")


def image_layers(old):
    layers = old.layers
    x = images = old.Input((9, 11, 3))
    for layer in (
        layers.Rescaling(2.0, -1.0),
        layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.DepthwiseConv2D(3, depth_multiplier=2),
        layers.SeparableConv2D(5, (3, 2), padding="same", activation="swish"),
        layers.AveragePooling2D(2, padding="same"),
        layers.UpSampling2D(2, interpolation="bilinear"),
        layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="hard_sigmoid"),
        layers.LeakyReLU(0.1),
        layers.PReLU(shared_axes=[1, 2]),
        layers.LayerNormalization(),
        layers.GlobalAveragePooling2D(),
    ):
        x = layer(x)
    return old.Model(images, layers.Softmax()(x)), (9, 11, 3)


def sequence_layers(old):
    layers = old.layers
    steps = old.Input((7, 6))
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(steps)
    heads = layers.MultiHeadAttention(2, 3)(x, x)
    x = layers.Attention(use_scale=True)([x, heads])
    gru = layers.GRU(4, return_sequences=True, reset_after=False, recurrent_activation="hard_sigmoid")(x)
    after, rnn = layers.GRU(4)(gru), layers.SimpleRNN(3, go_backwards=True)(gru)
    each = layers.TimeDistributed(layers.Dense(3, activation="elu"))(gru)
    conv = layers.Conv1D(4, 3, padding="causal", dilation_rate=2)(each)
    sequence, last, cell = layers.LSTM(3, return_state=True)(gru)
    again = layers.LSTM(3)(gru, initial_state=[last, cell])
    together = [after, rnn, sequence, again, layers.GlobalMaxPooling1D()(conv)]
    return old.Model(steps, layers.Concatenate()(together)), (7, 6)


def nested_models(old):
    layers = old.layers
    base = old.Sequential([old.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()])
    second = old.Model(base.input, layers.BatchNormalization()(base.output))
    second.layers[1].trainable = False
    images = old.Input((8, 8, 3))
    both = layers.Subtract()([second(images), second(images * 0.5 + 1.0)])
    return old.Model(images, layers.Dense(2)(layers.Flatten()(both))), (8, 8, 3)


def locally_connected_layers(old):
    """A model with every implementation, padding and axis order that tf_keras supports on CPUs."""
    layers = old.layers
    images = old.Input((6, 7, 3))
    each = []
    for implementation, padding, first in (
        (1, "valid", False),
        (2, "valid", False),
        (3, "valid", False),
        (2, "same", False),
        (3, "same", False),
        (1, "valid", True),
        (2, "same", True),
        (3, "same", True),
    ):
        options = {"padding": padding, "implementation": implementation}
        options["data_format"] = "channels_first" if first else "channels_last"
        x = layers.Permute((3, 1, 2))(images) if first else images
        x = layers.LocallyConnected2D(4, (3, 2), strides=(2, 1), activation="tanh", **options)(x)
        each.append(layers.Flatten()(x))
        x = layers.Permute((2, 1))(layers.Reshape((6, 21))(images)) if first else layers.Reshape((21, 6))(images)
        x = layers.LocallyConnected1D(3, 4, strides=3, use_bias=implementation != 3, **options)(x)
        each.append(layers.Flatten()(x))
    return old.Model(images, layers.Concatenate()(each)), (6, 7, 3)


def rnn_cells(old):
    layers = old.layers
    steps = old.Input((5, 4))
    hard = {"recurrent_activation": "hard_sigmoid"}
    stack = layers.StackedRNNCells(
        [layers.LSTMCell(3, **hard), layers.GRUCell(4, reset_after=False), layers.LSTMCell(2)]
    )
    x, *_ = layers.RNN(layers.GRUCell(3), return_sequences=True, return_state=True)(steps)
    both = layers.Bidirectional(layers.RNN(layers.LSTMCell(2, use_bias=False)))(x)
    last = layers.RNN([layers.SimpleRNNCell(3), layers.SimpleRNNCell(2)], go_backwards=True)(x)
    return old.Model(steps, layers.Concatenate()([layers.RNN(stack)(x), both, last])), (5, 4)


def rare_layers(old):
    layers = old.layers
    numbers = old.Input((3, 4))
    each = [layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de", activation="tanh")(numbers)]
    each.append(layers.EinsumDense("...x,xy->...y", 5)(numbers))
    binned = layers.Discretization([-0.5, 0.0, 0.7])(layers.Flatten()(numbers))
    each.append(layers.CategoryEncoding(4, output_mode="count")(binned))
    each.append(layers.CategoryEncoding(5, output_mode="multi_hot")(binned))
    each.append(layers.RandomHeight(0.5)(layers.Reshape((3, 2, 2))(numbers)))
    each.append(old.layers.experimental.RandomFourierFeatures(6, scale=0.7)(layers.Flatten()(numbers)))
    volumes = layers.Reshape((3, 2, 2, 1, 1))(numbers)
    each.append(layers.ConvLSTM3D(2, (2, 1, 1), padding="same", data_format="channels_last")(volumes))
    each.append(layers.ConvLSTM1D(2, 3, return_sequences=True)(layers.Reshape((3, 4, 1))(numbers)))
    flat = [layers.Reshape((-1,))(one) for one in each]
    return old.Model(numbers, layers.Concatenate()(flat)), (3, 4)


@pytest.mark.parametrize(
    "make", [image_layers, sequence_layers, nested_models, locally_connected_layers, rnn_cells, rare_layers]
)
@pytest.mark.filterwarnings("ignore")
def test_a_model_computes_what_tf_keras_computed(make, old, tmp_path):
    model, shape = make(old)
    for weight in model.weights:
        weight.assign(
            RANDOM.uniform(0.3, 0.8, weight.shape) * RANDOM.choice([1, -1 if "variance" not in weight.name else 1])
        )
    x = RANDOM.normal(size=(2, *shape)).astype(np.float32)
    model.save(tmp_path / "a.h5")
    found = kb.load_legacy(tmp_path / "a.h5").predict_on_batch(x)
    assert_close(np.asarray(found), np.asarray(model(x, training=False)))
