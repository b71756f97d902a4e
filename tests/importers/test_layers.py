"""Additional layers: they train, compiled, on images of any size, and can be loaded from a file."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from tests.importers.nets import data, files, layer, normals, outputs, saved_and_loaded

RANDOM = np.random.default_rng(11)

normal = normals(RANDOM)


def conv(group, count, options):
    return f"convolution_param {{ num_output: {count} group: {group} {options} }}"


CHAIN = [
    ("Convolution", conv(2, 6, "kernel_size: 3 stride: 2 dilation: 2")),
    ("LRN", "lrn_param { local_size: 3 alpha: 0.1 k: 2 }"),
    ("Pooling", "pooling_param { pool: MAX kernel_size: 3 stride: 2 pad: 1 }"),
    ("Deconvolution", conv(3, 6, "kernel_size: 4 stride: 2 pad: 1")),
    ("LRN", "lrn_param { local_size: 3 alpha: 0.1 norm_region: WITHIN_CHANNEL }"),
    ("MVN", "mvn_param { eps: 0.01 }"),
    ("Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }"),
    ("Scale", "scale_param { bias_term: true }"),
    ("AbsVal", ""),
    ("Power", "power_param { power: 1.5 shift: 0.5 }"),
    ("Log", "log_param { shift: 1 }"),
    ("Clip", "clip_param { min: 0.1 max: 5 }"),
    ("Tile", "tile_param { axis: 1 tiles: 2 }"),
    ("Reduction", "reduction_param { operation: MEAN axis: 2 }"),
    ("InnerProduct", "inner_product_param { num_output: 3 }"),
    ("Softmax", ""),
]
WEIGHTS = {
    "l1": (normal(6, 2, 3, 3), normal(6)),
    "l4": (normal(6, 2, 4, 4), normal(6)),
    "l8": (normal(6), normal(6)),
    "l15": (normal(3, 12), normal(3)),
}


@pytest.fixture
def chain(tmp_path):
    """Return a net with one of each."""
    text = data(1, 4, 21, 18)
    for place, (kind, options) in enumerate(CHAIN, 1):
        text += layer(kind, options, name=f"l{place}", bottom=f"l{place - 1}" if place > 1 else "data")
    return kb.load_legacy(*files(tmp_path, text, WEIGHTS))


def test_a_net_of_own_layers_trains(chain, tmp_path):
    assert chain.input_shape == (None, None, None, 4)
    x, y = normal(32, 21, 18, 4), RANDOM.integers(3, size=32)
    chain.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy")
    history = kb.fit(chain, x, y, epochs=12, batch_size=16, seed=0, verbose=0)
    assert history.params["execution"] != "eager"
    assert history.history["loss"][-1] < 0.9 * history.history["loss"][0]
    back = saved_and_loaded(chain, tmp_path)
    np.testing.assert_allclose(kb.predict(back, x, verbose=0), kb.predict(chain, x, verbose=0), rtol=1e-5)


def test_it_takes_images_of_another_size(chain):
    x = normal(2, 4, 30, 25)
    np.testing.assert_allclose(kb.predict(chain, np.moveaxis(x, 1, -1), verbose=0), outputs(chain, x)[0], rtol=1e-4)


def test_squares_of_pixels_are_made_of_images_of_any_size():
    from kerasbridge import layers

    images = keras.Input((None, None, 8))
    spread = layers.DepthToSpace(2)(images)
    model = keras.Model(images, [spread, layers.SpaceToDepth(2)(spread)])
    assert [tuple(one.shape) for one in model.outputs] == [(None, None, None, 2), (None, None, None, 8)]
    for height, width in ((3, 5), (4, 2)):
        x = normal(2, height, width, 8)
        squares, back = map(np.asarray, model.predict_on_batch(x))
        expected = x.reshape(2, height, width, 2, 2, 2).transpose(0, 1, 3, 2, 4, 5)
        np.testing.assert_array_equal(squares, expected.reshape(2, 2 * height, 2 * width, 2))
        np.testing.assert_array_equal(back, x)


def test_removed_keras_layers_train(tmp_path, drawn_on_the_host):
    from kerasbridge import layers

    decay = keras.regularizers.L2(0.001)
    x = images = keras.Input((7, 6, 2))
    x = layers.LocallyConnected2D(3, (3, 2), (2, 1), kernel_regularizer=decay)(x)
    x = layers.SReLU(shared_axes=[1, 2], bounded=True)(x)
    x = layers.ParametricSoftplus()(keras.layers.Reshape((5, 9))(x))
    x = layers.LocallyConnected1D(4, (2,), (1,), activation="tanh", use_bias=False)(x)
    x = layers.Highway(activation="relu", bias_constraint="non_neg")(keras.layers.Flatten()(x))
    x = layers.RandomFourierFeatures(8)(layers.MaxoutDense(6, 3)(x))
    model = keras.Model(images, keras.layers.Dense(3, activation="softmax")(x))
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = normal(32, 7, 6, 2), RANDOM.integers(3, size=32)
    history = kb.fit(model, x, y, epochs=4, batch_size=32, seed=0, verbose=0)
    assert history.params["execution"] != "eager"
    assert history.history["loss"][-1] < history.history["loss"][0]
    back = saved_and_loaded(model, tmp_path)
    assert back.layers[1].kernel_regularizer is not None
    assert all(map(np.array_equal, back.get_weights(), model.get_weights()))
    with pytest.raises(ValueError, match="to take inputs of a fixed size"):
        layers.LocallyConnected2D(3, (3, 2), (1, 1))(keras.Input((None, 6, 2)))
