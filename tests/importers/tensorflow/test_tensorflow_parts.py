"""The part of a TensorFlow graph that is converted: where training is left out, and where the user names it."""

import numpy as np
import pytest
from typer.testing import CliRunner

import kerasbridge as kb
from kerasbridge.cli import app
from kerasbridge.runtime import backend as choice
from tests.importers import tensorflow_nets as nets
from tests.importers.nets import assert_close

pytestmark = [
    pytest.mark.skipif(choice.configure().backend != "tensorflow", reason="TensorFlow writes the graphs"),
    pytest.mark.filterwarnings("ignore"),  # TensorFlow warns about its version 1
]


@pytest.fixture(scope="module")
def tf():
    import tensorflow

    tensorflow.get_logger().setLevel("ERROR")
    tensorflow.compat.v1.disable_control_flow_v2()
    yield tensorflow
    tensorflow.compat.v1.enable_control_flow_v2()


def body(tf, x):
    return tf.nn.relu(tf.matmul(x, nets.numbers(6, 5)), name="body")


def normalised(tf, x, training):
    """Batch normalisation by hand, in a branch for training and one for use, or by the batch alone."""
    mean, variance = tf.nn.moments(x, list(range(len(x.shape) - 1)))
    if training is not None:
        kept = nets.numbers(x.shape[-1])[:4] if len(x.shape) == 4 else nets.numbers(x.shape[-1])
        branches = [(mean, variance), (tf.constant(kept), tf.constant(np.abs(kept) + 0.5))]
        mean, variance = tf.compat.v1.cond(
            training, *(lambda pair=pair: tuple(map(tf.identity, pair)) for pair in branches)
        )
    return tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3)


def cosine(tf, x, z, training):
    return tf.matmul(body(tf, x), tf.nn.l2_normalize(tf.constant(nets.numbers(5, 3)), 0))


def weight_norm(tf, x, z, training):
    kernel = tf.nn.l2_normalize(tf.constant(nets.numbers(1, 1, 6, 4)), [0, 1, 2])
    return tf.reduce_mean(tf.nn.conv2d(tf.reshape(x, (-1, 1, 1, 6)), kernel, 1, "SAME"), [1, 2])


def branches(tf, x, z, training):
    return tf.matmul(normalised(tf, body(tf, x), training), nets.numbers(5, 3))


def branches_of_images(tf, x, z, training):
    return tf.reduce_mean(normalised(tf, tf.reshape(x, (-1, 3, 1, 2)), training), [1, 2])


def moved_and_updated(tf, x, z, training):
    v1 = tf.compat.v1
    moving = v1.get_variable("moving", initializer=nets.numbers(5), use_resource=False)
    h = body(tf, x)
    v1.assign_sub(moving, (moving - tf.reduce_mean(h, 0)) * 0.1)
    return tf.matmul(h - tf.identity(moving), nets.numbers(5, 3))


def masked(tf, x, z, training):
    return tf.nn.softmax(tf.matmul(body(tf, x), nets.numbers(5, 3)) + z)


def masked_and_trained(tf, x, z, training):
    v1 = tf.compat.v1
    logits = tf.add(tf.matmul(body(tf, x), v1.get_variable("w", initializer=nets.numbers(5, 3))), z)
    labels = v1.placeholder(tf.float32, (None, 3), name="labels")
    loss = tf.reduce_mean(v1.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits))
    v1.train.GradientDescentOptimizer(0.1).minimize(loss)
    return logits


def mean_squared(tf, x, z, training):
    v1 = tf.compat.v1
    y = tf.matmul(body(tf, x), v1.get_variable("w", initializer=nets.numbers(5, 3)))
    v1.losses.mean_squared_error(v1.placeholder(tf.float32, (None, 3), name="labels"), y)
    return y


def hidden_padding(tf, x, z, training):
    shown = tf.cast(tf.not_equal(x, 0), tf.float32, name="shown")
    return tf.matmul(body(tf, x) * tf.reduce_sum(shown, 1, keepdims=True), nets.numbers(5, 3))


def mean_of_heads(tf, x, z, training):
    heads = tf.stack([tf.matmul(x, nets.numbers(6, 3)), tf.tanh(tf.matmul(x, nets.numbers(6, 3))), z], 0)
    first, *others = tf.unstack(heads)
    return tf.reduce_mean(heads, 0) + tf.reduce_max(heads, -3) * first * others[0]


def heads_trained(tf, x, z, training):
    v1 = tf.compat.v1
    weights = v1.get_variable("w", initializer=nets.numbers(6, 3))
    scores = tf.reduce_mean(tf.stack([tf.matmul(x, weights), tf.nn.relu(tf.matmul(x, weights))]), 0)
    labels = v1.placeholder(tf.float32, (None, 3), name="labels")
    tf.reduce_mean(v1.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=scores))
    return scores


def batch_alone(tf, x, z, training):
    return tf.matmul(normalised(tf, body(tf, x), None), nets.numbers(5, 3))


def centred(tf, x, z, training):
    return tf.matmul(body(tf, x - tf.reduce_mean(x)), nets.numbers(5, 3))


def mean_of_the_batch(tf, x, z, training):
    return tf.reduce_mean(body(tf, x), 0)


def written(tf, folder, net):
    """Return the path of a checkpoint graph, what is fed, and the outputs of TensorFlow."""
    v1 = tf.compat.v1
    with nets.session(tf) as running:
        x, z = (v1.placeholder(tf.float32, (None, size), name=name) for name, size in (("x", 6), ("z", 3)))
        training = v1.placeholder(tf.bool, (), name="is_training")
        y = tf.identity(net(tf, x, z, training), name="scores")
        v1.get_variable("kept", initializer=0.0)  # a Saver needs a variable
        running.run(v1.global_variables_initializer())
        v1.train.Saver().save(running, str(folder / "net.ckpt"))
        fed = {"x": nets.given((4, 6)), "z": nets.given((4, 3))}
        return folder / "net.ckpt.meta", fed, running.run(y, {x: fed["x"], z: fed["z"], training: False})


def predicted(model, fed):
    return np.asarray(model.predict_on_batch([fed[entry.name] for entry in model.inputs]))


NETS = [cosine, weight_norm, branches, branches_of_images, moved_and_updated, masked, masked_and_trained, mean_squared]
NETS += [mean_of_heads, heads_trained]


@pytest.mark.parametrize("net", NETS)
def test_only_training_is_left_out(tf, net, tmp_path):
    path, fed, expected = written(tf, tmp_path, net)
    assert_close(predicted(kb.load_legacy(path), fed), expected)
    report = kb.inspect_legacy(path)
    assert report.outputs == ("scores",)
    skipped = {entry.layer: entry.what for entry in report.skipped}
    trained = net in (masked_and_trained, mean_squared, heads_trained)
    assert ("labels" in skipped) == trained
    assert any(what.startswith("a loss: one number") for what in skipped.values()) == (net is mean_squared)


def autoencoder(tf, x, z, training):
    decoded = tf.matmul(body(tf, x), nets.numbers(5, 6), name="decoded")
    return tf.reduce_mean(tf.square(decoded - x))


def test_the_report_on_a_network_without_labels_says_how_to_name_its_output(tf, tmp_path):
    path, *_ = written(tf, tmp_path, autoencoder)
    (note,) = kb.inspect_legacy(path).notes
    assert "an autoencoder does, name its output: outputs=[…], or --outputs NODE" in note
    named = kb.inspect_legacy(path, outputs=["decoded"])
    assert (named.outputs, named.notes) == (("decoded",), ())


@pytest.mark.parametrize("net", [batch_alone, centred, mean_of_the_batch])
def test_a_network_whose_samples_depend_on_each_other_is_rejected(tf, net, tmp_path):
    path, *_ = written(tf, tmp_path, net)
    with pytest.raises(
        kb.errors.LegacyFileError, match=r"one value of the whole batch, so that each .* name it: outputs="
    ):
        kb.load_legacy(path)


def test_a_comparison_with_a_number_is_no_metric(tf, tmp_path):
    path, *_ = written(tf, tmp_path, hidden_padding)
    with pytest.raises(kb.errors.LegacyFileError, match=r"'NotEqual' \(NotEqual\) is unknown"):
        kb.load_legacy(path)


def test_inputs_and_outputs_name_what_is_wanted(tf, tmp_path):
    path, fed, expected = written(tf, tmp_path, masked)
    model = kb.load_legacy(path, inputs=["z", "x:0"], outputs=["scores", "body:0"])
    assert [entry.name for entry in model.inputs] == ["z", "x"]
    scores, hidden = model.predict_on_batch([fed["z"], fed["x"]])
    assert_close(np.asarray(scores), expected)
    assert_close(np.asarray(hidden), np.maximum(fed["x"] @ nets.numbers(6, 5), 0))
    cut = kb.inspect_legacy(path, inputs=["x"])
    assert cut.outputs == ("MatMul_1",)
    assert {entry.layer: entry.what for entry in cut.skipped}["z"] == "not named in inputs="
    head = kb.load_legacy(path, inputs=["body", "z"])
    assert_close(np.asarray(head.predict_on_batch([np.asarray(hidden), fed["z"]])), expected)
    saved = tmp_path / "net.keras"
    done = CliRunner().invoke(app, ["import", str(path), "-o", str(saved), "--outputs", "body", "--json"])
    assert done.exit_code == 0, done.output
    assert '"outputs": ["body"]' in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"outputs": ["score"]}, r"Expected outputs= to name nodes of the graph, received 'score', .* 'scores'"),
        ({"outputs": "scores"}, r'Expected outputs= as a list of names, such as \["scores"\]'),
        ({"inputs": ["x", "x"]}, r"Expected each name in inputs= once"),
        ({"inputs": ["is_training"], "outputs": ["scores"]}, r"input 'is_training' cannot be fed as a batch"),
        ({"inputs": ["x"], "outputs": ["scores"]}, r"'z' \(Placeholder\) has to be fed: name it among the inputs"),
    ],
)
def test_a_wrong_name_is_an_error(tf, arguments, words, tmp_path):
    path, *_ = written(tf, tmp_path, masked)
    with pytest.raises((kb.errors.ArgumentError, kb.errors.LegacyFileError), match=words):
        kb.load_legacy(path, **arguments)
