"""Files written by Keras on Theano: every output as there, in both layouts, also from a .keras file."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import LegacyFileError
from kerasbridge.keras_compat import keras
from kerasbridge.random.keras_patch import portable_random
from tests.importers.keras_h5 import fed, functional, node, write
from tests.importers.nets import assert_close, saved_and_loaded
from tests.paths import SHARED

FOLDER = SHARED / "legacy" / "theano"
FILES = {  # channels-first or not, and `flip_kernels` if it is not in the file
    "keras2_theano_channels_first": (True, None),
    "keras2_theano_channels_last": (False, None),
    "music_tagger_crnn_keras1": (True, True),
}


def recorded(name):
    with np.load(FOLDER / f"{name}.reference.npz") as found:
        return found["x"], found["y"]


def fed_as(x, first, data_format):
    """Return the inputs of a file, in the order of the inputs of the model."""
    if first == (data_format == "channels_first"):
        return x
    return np.moveaxis(x, 1, -1) if first else np.moveaxis(x, -1, 1)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("name", FILES)
def test_a_model_computes_what_theano_computed(name, data_format, legacy, tmp_path):
    first, flip = FILES[name]
    x, y = recorded(name)
    model = kb.load_legacy(FOLDER / f"{name}.h5", data_format=data_format, flip_kernels=flip)
    if data_format == "channels_last":
        model = saved_and_loaded(model, tmp_path)
    assert_close(np.asarray(model.predict_on_batch(fed_as(x, first, data_format))), y)


def test_kernels_of_unknown_origin_require_flip_kernels(legacy):
    with pytest.raises(LegacyFileError, match="trained on Theano, type flip_kernels=True") as caught:
        kb.load_legacy(FOLDER / "music_tagger_crnn_keras1.h5")
    assert "'conv1', 'conv2', 'conv3', 'conv4'" in str(caught.value)


@pytest.mark.parametrize("name", ["keras2_theano_channels_first", "keras2_theano_channels_last"])
def test_weights_alone_are_loaded_into_a_given_model(name, legacy):
    x, y = recorded(name)
    layers = keras.layers
    with portable_random():  # drawing with Keras takes seconds on JAX
        model = keras.Sequential(
            [
                keras.Input((9, 8, 2)),
                layers.ZeroPadding2D(((1, 1), (1, 0))),
                layers.Conv2D(4, (3, 2), activation="relu"),
                layers.MaxPooling2D(),
                layers.BatchNormalization(),
                layers.Conv2D(3, 3),
                layers.Flatten(),
                layers.Dense(5, activation="softmax"),
            ]
        )
    given = kb.load_legacy(FOLDER / f"{name}.weights.h5", model=model)
    assert given is model
    assert_close(np.asarray(model.predict_on_batch(fed_as(x, "first" in name, "channels_last"))), y)


def windows(name, x, kind, count, **config):
    """Return one of the recorded layers, in the format of Keras 2.3.1."""
    return node(kind, name, f"{name}_x", data_format="channels_last", **config), [
        x[f"{name}_w{i}"] for i in range(count)
    ]


def test_single_layers_compute_what_theano_computed(legacy, tmp_path):
    with np.load(FOLDER / "keras2_theano_layers.reference.npz") as found:
        arrays = dict(found)
    convolutions = {
        "valid32": ("valid", [3, 2], 1),
        "same33": ("same", [3, 3], 1),
        "same32": ("same", [3, 2], 1),
        "same22": ("same", [2, 2], 1),
        "same33s2": ("same", [3, 3], 2),
    }
    made = {
        name: (
            node(
                "Conv2D",
                name,
                f"{name}_x",
                filters=4,
                kernel_size=size,
                strides=[stride] * 2,
                padding=padding,
                data_format="channels_last",
                activation="linear",
                use_bias=True,
            ),
            [arrays[f"{name}_k"], arrays[f"{name}_b"]],
        )
        for name, (padding, size, stride) in convolutions.items()
    }
    made["bn"] = windows("bn", arrays, "BatchNormalization", 4, axis=-1, epsilon=1e-3)
    made["mp"] = windows("mp", arrays, "MaxPooling2D", 0, pool_size=[3, 3], strides=[2, 2], padding="same")
    made["ap"] = windows("ap", arrays, "AveragePooling2D", 0, pool_size=[3, 3], strides=[2, 2], padding="same")
    made["ct"] = windows("ct", arrays, "Conv2DTranspose", 2, filters=3, kernel_size=[3, 3], strides=[2, 2])
    made["c1"] = windows("c1", arrays, "Conv1D", 2, filters=3, kernel_size=[3], strides=[1])
    inputs = [fed(f"{name}_x", *arrays[f"{name}_x"].shape[1:]) for name in made]
    config = functional(*inputs, *(entry for entry, _ in made.values()), outputs=made)
    path = write(tmp_path / "a.h5", config, {name: one for name, (_, one) in made.items()}, "2.3.1", "theano")
    model = kb.load_legacy(path)
    found = model.predict_on_batch([arrays[f"{name}_x"] for name in made])
    for name, y in zip(made, found, strict=True):
        assert_close(np.asarray(y), arrays[f"{name}_y"])
