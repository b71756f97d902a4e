"""TensorFlow files, compared with TensorFlow itself, in each form that it saves, if it is the backend."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.runtime import backend as choice
from tests.importers import tensorflow_nets as nets
from tests.importers.nets import assert_close, saved_and_loaded

pytestmark = [
    pytest.mark.skipif(
        choice.configure().backend != "tensorflow", reason="TensorFlow is the reference where it is the backend"
    ),
    pytest.mark.filterwarnings("ignore"),  # TensorFlow warns about its version 1
]


@pytest.fixture(scope="module")
def tf():
    import tensorflow

    tensorflow.get_logger().setLevel("ERROR")
    return tensorflow


def made(tf, folder, write, shape):
    """Return the three forms of a network, and the outputs of TensorFlow by name."""
    with nets.session(tf) as running:
        x = tf.compat.v1.placeholder(tf.float32, [None, *shape[1:]], name="x")
        outputs = {name: tf.identity(value) for name, value in write(tf, x).items()}
        expected = running.run(outputs, {x: nets.given(shape)})
        return nets.save(tf, running, folder, {"x": x}, outputs), expected


def assert_outputs(model, names, x, expected):
    found = model.predict_on_batch(x)
    found = found if isinstance(found, list | tuple) else [found]
    assert len(found) == len(names) == len(expected)
    for name, one in zip(names, found, strict=True):
        assert_close(np.asarray(one), np.asarray(expected[name]))


@pytest.mark.parametrize("group", nets.GROUPS)
def test_each_operation_gives_what_tensorflow_gives(tf, group, tmp_path):
    write, shape = nets.GROUPS[group]
    (saved, _), expected = made(tf, tmp_path, write, shape)
    names = kb.inspect_legacy(saved).outputs
    assert_outputs(
        saved_and_loaded(kb.load_legacy(saved), tmp_path), names, nets.given(nets.GROUPS[group][1]), expected
    )


def test_channels_first_images_are_transposed_for_the_model(tf, tmp_path):
    (_, frozen), expected = made(tf, tmp_path, nets.channels_first, (2, 4, 9, 7))
    x = nets.given((2, 4, 9, 7))
    last = kb.load_legacy(frozen).predict_on_batch(np.moveaxis(x, 1, -1))
    assert_close(np.moveaxis(np.asarray(last), -1, 1), expected["conv"])
    assert_close(np.asarray(kb.load_legacy(frozen, data_format="channels_first").predict_on_batch(x)), expected["conv"])


def test_the_lenet_of_the_tutorial_is_made_of_stock_layers_in_every_form(tf, tmp_path):
    with nets.session(tf) as running:
        x, keep_prob, scores = nets.lenet(tf)
        running.run(tf.compat.v1.global_variables_initializer())
        digits = np.random.default_rng(0).random((3, 784)).astype(np.float32)
        expected = running.run(scores, {x: digits, keep_prob: 1})
        paths = nets.save(tf, running, tmp_path, {"x": x}, {"scores": scores})
        tf.compat.v1.train.Saver().save(running, str(tmp_path / "model.ckpt"))
    for path in (*paths, tmp_path / "model.ckpt.meta", tmp_path / "model.ckpt.index", tmp_path):
        model, report = kb.load_legacy(path), kb.inspect_legacy(path)
        assert [type(layer).__name__ for layer in model.layers] == [
            "InputLayer",
            "Reshape",
            "Conv2D",
            "ReLU",
            "MaxPooling2D",
            "Conv2D",
            "ReLU",
            "MaxPooling2D",
            "Flatten",
            "Dense",
            "ReLU",
            "Dense",
        ]
        assert {"conv1", "pool1", "conv2", "pool2", "fc1", "fc2"} <= {layer.name for layer in model.layers}
        assert_close(np.asarray(model.predict_on_batch(digits)), expected)
        skipped = {entry.layer: entry.what for entry in report.skipped}
        assert "keep_prob" in skipped["dropout/dropout"]
        trained = path.name.startswith("model.ckpt") or path == tmp_path
        assert ("labels" in skipped, "loss/Mean" in skipped, "gradients" in skipped) == (trained, trained, trained)


def test_a_partitioned_variable_is_joined(tf, tmp_path):
    v1 = tf.compat.v1
    with nets.session(tf) as running:
        x, y = nets.pieces(tf)
        running.run(v1.global_variables_initializer())
        expected = running.run(y, {x: nets.given((3, 7))})
        v1.train.Saver().save(running, str(tmp_path / "model.ckpt"))
    found = kb.load_legacy(tmp_path / "model.ckpt.meta").predict_on_batch(nets.given((3, 7)))
    assert_close(np.asarray(found), expected)


def normalised(tf, images, training):
    """A convolution and a batch normalisation, as written by TensorFlow 1 layers."""
    v1 = tf.compat.v1
    y = v1.nn.conv2d(images, nets.numbers(3, 3, 4, 6), [1, 1, 1, 1], "SAME")
    gamma, beta, mean, variance = (np.abs(nets.numbers(6, seed)[:, 0]) + 0.5 for seed in range(1, 5))

    def learn():
        return v1.nn.fused_batch_norm(y, gamma, beta, epsilon=0.01)[0]

    def use():
        return v1.nn.fused_batch_norm(y, gamma, beta, mean, variance, epsilon=0.01, is_training=False)[0]

    return tf.nn.relu(v1.cond(training, learn, use))


@pytest.mark.parametrize("flow", ["of TensorFlow 1", "of TensorFlow 2"])
def test_branches_of_training_are_left_out(tf, flow, tmp_path):
    v1 = tf.compat.v1
    (v1.enable_control_flow_v2 if flow == "of TensorFlow 2" else v1.disable_control_flow_v2)()
    with nets.session(tf) as running:
        x = v1.placeholder(tf.float32, [None, 9, 7, 4], name="x")
        training = v1.placeholder(tf.bool, name="is_training")
        fed = v1.placeholder_with_default(False, (), name="keras_learning_phase")
        y = {"a": normalised(tf, x, training), "b": normalised(tf, x, fed)}
        expected = running.run(y, {x: nets.given(nets.IMAGES), training: False})
        saved, frozen = nets.save(tf, running, tmp_path, {"x": x}, y)
    v1.enable_control_flow_v2()
    for path in (saved, frozen):
        report, model = kb.inspect_legacy(path), kb.load_legacy(path)
        assert "is_training: taken as False, as it is after training" in report.notes
        kinds = [type(layer).__name__ for layer in model.layers]
        assert kinds.count("BatchNormalization") == 2
        for one, name in zip(model.predict_on_batch(nets.given(nets.IMAGES)), ("a", "b"), strict=True):
            assert_close(np.asarray(one), expected[name])


def test_tensorflow_2_functions_are_inlined(tf, tmp_path):
    net, x = nets.module(tf), nets.given(nets.IMAGES)
    tf.saved_model.save(net, str(tmp_path / "net"), signatures=net.serve)
    model, report = kb.load_legacy(tmp_path / "net"), kb.inspect_legacy(tmp_path / "net")
    assert (report.outputs, report.inputs) == (("scores", "shares"), (("images", (None, 4, None, None)),))
    assert_outputs(model, report.outputs, x, {name: value.numpy() for name, value in net.serve(x).items()})


@pytest.mark.parametrize("size", [None, 9])
def test_functions_that_take_images_channels_first_are_converted_as_a_frozen_graph(tf, size, tmp_path):
    kernel, bias = nets.numbers(3, 3, 4, 6), nets.numbers(4, 4)

    def norm(x):
        numbers = [*bias[:3], np.abs(bias[3])]
        return tf.raw_ops.FusedBatchNormV3(
            **dict(zip(("x", "scale", "offset", "mean", "variance"), (x, *numbers), strict=True)),
            epsilon=1e-3,
            is_training=False,
            data_format="NCHW",
        )[0]

    def conv(x):  # between two Transposes, since TensorFlow has no convolution channels first on a CPU
        y = tf.nn.conv2d(tf.transpose(x, [0, 2, 3, 1]), kernel, 1, "SAME")
        return tf.transpose(y, [0, 3, 1, 2])

    inner = tf.function(norm)
    x = nets.given((2, 4, 9, 9))
    for name, net in {
        "alone": norm,
        "nested": lambda x: conv(tf.nn.relu(inner(255.0 - x))),
        "biased": lambda x: tf.nn.relu(tf.nn.bias_add(tf.sigmoid(x), bias[0], "NCHW")),
        "pooled": lambda x: tf.reduce_mean(conv(x), [2, 3]),
    }.items():
        module, spec = tf.Module(), tf.TensorSpec((None, 4, size, size), tf.float32, name="x")
        module.serve = tf.function(net, input_signature=[spec])
        tf.saved_model.save(module, str(tmp_path / name), signatures=module.serve)
        expected = module.serve(x).numpy()
        first = kb.load_legacy(tmp_path / name, data_format="channels_first").predict_on_batch(x)
        assert_close(np.asarray(first), expected)
        last = np.asarray(kb.load_legacy(tmp_path / name).predict_on_batch(np.moveaxis(x, 1, -1)))
        assert_close(np.moveaxis(last, -1, 1), expected)


def test_exports_of_keras_3_can_be_imported(tf, tmp_path):
    from kerasbridge.keras_compat import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((9, 7, 4)),
            layers.Conv2D(6, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.Conv2DTranspose(5, 3, strides=2, padding="same"),
            layers.MaxPooling2D(),
            layers.SeparableConv2D(4, 3),
            layers.UpSampling2D(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(6, activation="selu"),
            layers.Reshape((2, 3)),
            layers.Dense(4),
            layers.Softmax(),
        ]
    )
    model.export(tmp_path / "net", verbose=False)
    x = nets.given(nets.IMAGES)
    assert_close(
        np.asarray(kb.load_legacy(tmp_path / "net").predict_on_batch(x)), np.asarray(model.predict_on_batch(x))
    )


def test_dropout_with_a_constant_rate_is_a_layer(tf, tmp_path):
    v1 = tf.compat.v1
    with nets.session(tf) as running:
        x = v1.placeholder(tf.float32, [None, 5], name="x")
        y = tf.matmul(v1.nn.dropout(x, rate=0.25), nets.numbers(5, 3))
        _, frozen = nets.save(tf, running, tmp_path, {"x": x}, {"y": y})
    (dropout,) = (layer for layer in kb.load_legacy(frozen).layers if type(layer).__name__ == "Dropout")
    assert dropout.rate == pytest.approx(0.25)
    assert "Dropout, which drops in training alone" in str(kb.inspect_legacy(frozen))


def test_everything_unknown_is_named_at_once(tf, tmp_path):
    v1 = tf.compat.v1
    with nets.session(tf) as running:
        x = v1.placeholder(tf.float32, [None, 8], name="x")
        y = tf.add(tf.math.digamma(x, name="a"), tf.math.lgamma(x, name="b"), name="c")
        _, frozen = nets.save(tf, running, tmp_path, {"x": x}, {"y": y})
    with pytest.raises(
        kb.errors.LegacyFileError, match=r"cannot be converted: 'a' \(Digamma\) is unknown; 'b' \(Lgamma\) is"
    ):
        kb.load_legacy(frozen)
