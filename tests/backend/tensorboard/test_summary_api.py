"""The Keras TensorBoard callback under kerasbridge: its events as TensorBoard reads them, without TensorFlow."""

import json
import sys

import numpy as np
import pytest
from tensorboard.plugins.graph.keras_util import keras_model_to_graph_def

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from kerasbridge.tensorboard import summary_api
from tests.backend.models import CASES, BatchRecorder, mlp, seeded
from tests.events import pixels, read, scalars

X, Y = CASES["MLP"].arrays(80)
BATCHES = 4


def train(model, folder, fit=kb.fit, more=(), **options):
    """Train for two epochs of four batches each, with validation, without shuffling; return the history."""
    callback = keras.callbacks.TensorBoard(folder, **options)
    return fit(
        model,
        X,
        Y,
        batch_size=20,
        epochs=2,
        verbose=0,
        callbacks=[callback, *more],
        validation_data=(X, Y),
        shuffle=False,
    )


@pytest.fixture
def without_tensorflow(monkeypatch):
    """Use the summaries of kerasbridge on every backend, even if TensorFlow is loaded."""
    monkeypatch.setattr(summary_api, "_tensorflow_is_loaded", lambda: False)


def by_epoch(numbers):
    return [(epoch, pytest.approx(number, rel=1e-6)) for epoch, number in enumerate(numbers)]


def test_the_curves_show_the_history(tmp_path):
    history = train(seeded(mlp), tmp_path).history
    trained, validated = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    assert trained == {
        "epoch_loss": by_epoch(history["loss"]),
        "epoch_accuracy": by_epoch(history["accuracy"]),
        "epoch_learning_rate": by_epoch([0.001, 0.001]),
    }
    for name in ("loss", "accuracy"):
        numbers = by_epoch(history[f"val_{name}"])
        assert validated[f"epoch_{name}"] == numbers
        assert validated[f"evaluation_{name}_vs_iterations"] == [((k + 1) * BATCHES, number) for k, number in numbers]


@pytest.mark.parametrize("loaded", [False, True], ids=["", "with TensorFlow"])
def test_a_metric_that_is_a_vector_is_shown_as_its_mean(tmp_path, monkeypatch, loaded):
    if loaded and "tensorflow" not in sys.modules:
        pytest.skip("TensorFlow is not loaded")
    monkeypatch.setattr(summary_api, "_tensorflow_is_loaded", lambda: loaded)
    model = seeded(mlp)
    model.compile("sgd", "mse", metrics=[keras.metrics.F1Score()])
    callback = keras.callbacks.TensorBoard(tmp_path, update_freq=2)
    targets = np.eye(5, dtype="float32")[Y]
    history = kb.fit(model, X, targets, 20, verbose=0, callbacks=[callback], validation_data=(X, targets)).history
    for folder, name in (("train", "f1_score"), ("validation", "val_f1_score")):
        assert scalars(tmp_path / folder)["epoch_f1_score"] == by_epoch([history[name][0].mean()])


def test_histograms_are_those_of_the_weights(tmp_path):
    model = seeded(mlp)
    train(model, tmp_path, histogram_freq=1)
    found = {tag: points for (plugin, tag), points in read(tmp_path / "train").items() if plugin == "histograms"}
    assert set(found) == {f"{weight.path}/histogram" for weight in model.weights}
    for weight in model.weights:
        (first, _), (last, histogram) = found[f"{weight.path}/histogram"]
        counts, edges = np.histogram(weight.numpy().astype("float64"), bins=30)
        assert (first, last) == (0, 1)
        np.testing.assert_allclose(histogram[:, 0], edges[:-1])
        np.testing.assert_allclose(histogram[:, 1], edges[1:])
        np.testing.assert_allclose(histogram[:, 2], counts, atol=1)  # a value on an edge
        assert histogram[:, 2].sum() == counts.sum()


def test_the_model_is_a_graph_and_a_text(tmp_path):
    model = seeded(mlp)
    train(model, tmp_path)
    found = read(tmp_path / "train")
    graph = keras_model_to_graph_def(json.loads(found["graph_keras_model", "keras"][0][1].item()))
    names = [layer["config"]["name"] for layer in model.get_config()["layers"]]
    assert [node.name.partition("/")[2] for node in graph.node] == names
    assert len(names) == 3
    text = found["text", "model"][0][1].item().decode()
    assert all(line.startswith("    ") for line in text.splitlines())
    assert f"{model.layers[0].name} (Dense)" in text
    assert "Param #" in text


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(5, activation="softmax")

    def call(self, inputs):
        return self.dense(inputs)


def test_a_subclassed_model_is_a_text(tmp_path):
    model = Subclassed()
    model.compile("adam", "sparse_categorical_crossentropy")
    train(model, tmp_path)
    found = read(tmp_path / "train")
    assert ("graph_keras_model", "keras") not in found
    assert "dense" in found["text", "model"][0][1].item().decode()


class Unserializable(keras.layers.Dense):
    def get_config(self):
        raise NotImplementedError("no config")


@pytest.mark.usefixtures("without_tensorflow")
def test_a_model_that_has_no_json_trains_with_a_warning(tmp_path):
    model = keras.Sequential([keras.Input((12,)), Unserializable(5, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="failed to serialize as JSON"):
        train(model, tmp_path)
    assert ("graph_keras_model", "keras") not in read(tmp_path / "train")


def test_every_second_batch_is_logged_on_request(tmp_path):
    batches = BatchRecorder()
    train(seeded(mlp), tmp_path, update_freq=2, more=[batches])
    expected = [(step, pytest.approx(batches.losses[step - 1], rel=1e-6)) for step in (2, 4, 6, 8)]
    assert scalars(tmp_path / "train")["batch_loss"] == expected


def test_steps_per_second_of_batches_and_epochs(tmp_path):
    train(seeded(mlp), tmp_path, update_freq="batch", write_steps_per_second=True)
    found = scalars(tmp_path / "train")
    assert [step for step, number in found["batch_steps_per_second"] if number > 0] == [*range(1, 2 * BATCHES + 1)]
    assert [step for step, number in found["epoch_steps_per_second"] if number > 0] == [0, 1]


def test_evaluating_is_logged_at_the_step_the_training_reached(tmp_path):
    model = seeded(mlp)
    kb.fit(model, X, Y, batch_size=20, verbose=0)
    callback = keras.callbacks.TensorBoard(tmp_path)
    loss, _ = kb.evaluate(model, X, Y, verbose=0, callbacks=[callback])
    callback._close_writers()  # Keras does not close them, and TensorFlow writes late
    found = scalars(tmp_path / "validation")["evaluation_loss_vs_iterations"]
    assert found == [(BATCHES, pytest.approx(loss, rel=1e-6))]


def assert_same_events(found, expected, rtol, atol):
    """Assert the same plugins, tags and steps, and close values; for images the pixels."""
    assert set(found) == set(expected)
    for key, points in expected.items():
        assert [step for step, _ in found[key]] == [step for step, _ in points], key
        for (_, value), (_, wanted) in zip(found[key], points, strict=True):
            if key[0] == "images":
                np.testing.assert_allclose(pixels(value).astype(int), pixels(wanted), atol=1, err_msg=str(key))
            elif key[0] == "histograms":
                np.testing.assert_allclose(value[:, :2], wanted[:, :2], rtol, atol, err_msg=str(key))
                np.testing.assert_allclose(value[:, 2], wanted[:, 2], atol=1, err_msg=str(key))
            elif key[0] == "graph_keras_model":
                assert json.loads(value.item()) == json.loads(wanted.item())
            else:
                np.testing.assert_allclose(value, wanted, rtol, atol, err_msg=str(key))


@pytest.mark.parametrize("own", [False, True], ids=["through tf.summary", "without TensorFlow"])
@pytest.mark.parametrize("options", [{"histogram_freq": 1, "write_images": True}, {"update_freq": 3}], ids=str)
def test_the_events_are_those_of_stock_fit_on_tensorflow(tmp_path, backend, monkeypatch, own, options):
    if backend != "tensorflow":
        pytest.skip("stock fit writes through TensorFlow")
    if own:
        monkeypatch.setattr(summary_api, "_tensorflow_is_loaded", lambda: False)
    model = seeded(mlp)
    weights = model.get_weights()
    train(model, tmp_path / "stock", fit=keras.Model.fit, **options)
    model.set_weights(weights)
    model.compile_from_config(model.get_compile_config())
    train(model, tmp_path / "ours", **options)
    for part in ("train", "validation"):
        found, expected = read(tmp_path / "ours" / part), read(tmp_path / "stock" / part)
        found.pop(("text", "model"), None)  # a text that kerasbridge adds
        assert_same_events(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.usefixtures("without_tensorflow")
def test_an_interrupted_run_does_not_affect_the_events_of_the_next(tmp_path):
    class Break(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model = seeded(mlp)
    broken = keras.callbacks.TensorBoard(tmp_path / "broken", update_freq="batch")
    with pytest.raises(KeyboardInterrupt):
        kb.fit(model, X, Y, batch_size=20, verbose=0, callbacks=[broken, Break()])
    before = scalars(tmp_path / "broken" / "train")
    kb.fit(model, X, Y, batch_size=20, verbose=0, callbacks=[keras.callbacks.TensorBoard(tmp_path / "next")])
    assert set(before) == {"batch_loss", "batch_accuracy"}
    assert scalars(tmp_path / "broken" / "train") == before
    broken.update_freq = "epoch"
    kb.fit(model, X, Y, batch_size=20, verbose=0, callbacks=[broken])
    found = scalars(tmp_path / "broken" / "train")
    assert {tag: points for tag, points in found.items() if tag in before} == before
    assert len(found["epoch_loss"]) == 1


def test_a_class_that_writes_its_model_itself_does(tmp_path):
    class Own(keras.callbacks.TensorBoard):
        def _write_keras_model_summary(self):
            with self._train_writer.as_default():
                self.summary.text("mine", "a model", step=0)

    kb.fit(seeded(mlp), X, Y, verbose=0, callbacks=Own(tmp_path))
    assert {tag for plugin, tag in read(tmp_path / "train") if plugin != "scalars"} == {"mine"}


@pytest.mark.usefixtures("without_tensorflow")
def test_a_value_without_a_step_is_rejected(tmp_path):
    summary = summary_api.SummaryWriterApi()
    assert not summary.scalar("loss", 1.0)  # nowhere to write to
    writer = summary.create_file_writer(str(tmp_path))
    with writer.as_default(), pytest.raises(kb.errors.ArgumentError, match="Expected a step for TensorBoard"):
        summary.scalar("loss", 1.0)
    with writer.as_default(3), writer.as_default():
        assert summary.scalar("loss", 1.0)
    writer.close()
    assert scalars(tmp_path) == {"loss": [(3, 1.0)]}


FULL = """
import sys, tempfile, warnings
from pathlib import Path
import numpy as np
import kerasbridge as kb
from kerasbridge.keras_compat import keras

layers = keras.layers
model = keras.Sequential([keras.Input((6,)), layers.Embedding(9, 4), layers.Flatten(), layers.Dense(1)])
model.compile("adam", "mse")
x = np.arange(120).reshape(20, 6) % 9
with tempfile.TemporaryDirectory() as folder:
    callback = keras.callbacks.TensorBoard(
        folder, histogram_freq=1, write_images=True, write_steps_per_second=True, update_freq=2, embeddings_freq=1,
        embeddings_metadata="words.tsv",
    )
    kb.fit(model, x, x[:, :1], batch_size=5, verbose=0, validation_split=0.5, callbacks=[callback])
    kb.evaluate(model, x, x[:, :1], verbose=0, callbacks=[callback])
    kb.predict(model, x, callbacks=[callback])
    assert "words.tsv" in Path(folder, "projector_config.pbtxt").read_text()
    assert Path(folder, "train", "keras_embedding.ckpt-0.weights.h5").exists()
    print(sum("tfevents" in path.name for path in Path(folder).rglob("*")))
print("tensorflow" in sys.modules)
"""


def test_the_callback_does_not_load_tensorflow(child, backend):
    finished = child(FULL)
    assert finished.stdout == f"5\n{backend == 'tensorflow'}\n", finished.stderr


@pytest.mark.once
def test_without_the_package_tensorboard_nothing_is_trained(child):
    finished = child("""
        import sys
        sys.modules["tensorboard"] = None
        import numpy as np
        import kerasbridge as kb
        from kerasbridge.keras_compat import keras

        class Begun(keras.callbacks.Callback):
            def on_train_begin(self, logs=None):
                print("training")

        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        kb.fit(model, np.ones((4, 2)), np.ones(4), callbacks=[Begun()], verbose=0)
        kb.fit(model, np.ones((4, 2)), np.ones(4), callbacks=[Begun(), keras.callbacks.TensorBoard("no/such/folder")])
    """)
    last = finished.stderr.splitlines()[-1]
    assert (finished.stdout, finished.returncode) == ("training\n", 1)
    assert last.startswith("kerasbridge.errors.PackageNotInstalled: TensorBoard's event files need the package")
    assert last.endswith('Type: pip install "kerasbridge[tensorboard]"')
