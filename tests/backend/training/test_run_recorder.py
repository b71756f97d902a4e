"""`kb.fit(…, run_dir=…)`: what a training of any model leaves in a run folder, and that it trains as without."""

import importlib.util
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError, RunFolderError
from kerasbridge.keras_compat import keras
from kerasbridge.training import callbacks
from kerasbridge.training.run_recorder import RunCallback

X, Y = np.linspace(0, 1, 96, dtype="float32").reshape(32, 3), np.arange(32) % 2
FILES = {"config.json", "history.csv", "history.jsonl", "model.keras"}
FILES |= {"curves.png"} if importlib.util.find_spec("matplotlib") else set()


def compiled(model=None):
    model = model or keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")], name="small")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    kb.reinitialize(model, 0)
    return model


def fit(model, run_dir=None, **arguments):
    given = {"batch_size": 8, "epochs": 3, "seed": 5, "verbose": 0, "run_dir": run_dir} | arguments
    return kb.fit(model, X, Y, **given)


class Stop(keras.callbacks.Callback):
    """Presses Ctrl-C in an epoch, counted from 0."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


def test_a_run_contains_the_model_its_history_and_its_configuration(tmp_path, backend):
    model = compiled()
    history = fit(model, tmp_path / "run", validation_split=0.25, callbacks=Stop(9))
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    run = kb.runs.load(tmp_path / "run")
    assert {name: run.history[name] for name in history.history} == history.history
    assert run.history["epoch"] == [1, 2, 3]
    config = run.config
    assert (config.model, config.backend, config.epochs) == ("small", backend, 3)
    assert (config.seed, config.rng, config.execution) == (5, "portable", history.params["execution"])
    assert config.arguments["validation_split"] == 0.25
    assert config.arguments["callbacks"] == "Stop"
    assert config.data == {"x": {"shape": [32, 3], "dtype": "float32"}, "y": {"shape": [32], "dtype": "int64"}}
    assert config.finished
    assert config.seconds > 0
    assert history.params["run_dir"] == str(tmp_path / "run")
    np.testing.assert_array_equal(run.load_model().get_weights()[0], model.get_weights()[0])


def test_recording_changes_neither_the_numbers_nor_how_the_steps_run(tmp_path):
    plain, recorded = fit(compiled()), fit(compiled(), tmp_path)
    assert recorded.history == plain.history
    assert recorded.params["execution"] == plain.params["execution"] != "eager"


def test_recording_makes_no_blocks_of_one_step():
    assert not callbacks.needs_batch_hooks([RunCallback(None)], "train")
    assert not callbacks.needs_batch_hooks([RunCallback(None)], "test")


def test_logs_added_by_callbacks_are_recorded_and_restored_weights_are_saved(tmp_path):
    class Adding(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["doubled"] = 2 * logs["loss"]

        def on_train_end(self, logs=None):
            self.model.set_weights([np.zeros_like(weight) for weight in self.model.get_weights()])

    fit(compiled(), tmp_path, callbacks=[Adding()])
    run = kb.runs.load(tmp_path)
    assert run.history["doubled"] == [2 * loss for loss in run.history["loss"]]
    assert not np.any(run.load_model().get_weights()[0])


class Zeros(keras.callbacks.Callback):
    """Changes the weights after the last validation."""

    def on_train_end(self, logs=None):
        self.model.set_weights([np.zeros_like(weight) for weight in self.model.get_weights()])


def test_the_scores_of_a_run_are_those_of_the_saved_model(tmp_path):
    best = keras.callbacks.EarlyStopping("val_loss", mode="max", patience=1, restore_best_weights=True)
    runs = {
        "last": {},
        "restored": {"callbacks": [best]},
        "changed": {"callbacks": [Zeros()]},
        "seldom": {"validation_freq": 2},
    }
    for name, arguments in runs.items():
        fit(compiled(), tmp_path / name, validation_data=(X, Y), **arguments)
        run = kb.runs.load(tmp_path / name)
        expected = kb.evaluate(run.load_model(), X, Y, return_dict=True, verbose=0)
        assert run.scores == pytest.approx(expected, rel=1e-5)
        assert run.scores == run.config.validation
    assert best.best_epoch + 1 < len(kb.runs.load(tmp_path / "restored").history["epoch"])
    assert kb.runs.load(tmp_path / "seldom").history["epoch"] == [1, 2, 3]


def test_a_callback_list_is_used_and_restored(tmp_path):
    model = compiled()
    given = keras.callbacks.CallbackList([], add_history=True, model=model, epochs=3)
    before = list(given.callbacks)
    fit(model, tmp_path, callbacks=given)
    assert kb.runs.load(tmp_path).history["epoch"] == [1, 2, 3]
    assert given.callbacks == before


def test_a_model_that_keras_trains_itself_is_recorded_too(tmp_path):
    class Overriding(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2, activation="softmax")

        def call(self, x):
            return self.dense(x)

        def train_step(self, *arguments):
            return super().train_step(*arguments)

    model = Overriding()
    model.compile("adam", "sparse_categorical_crossentropy")
    fit(model, tmp_path)
    run = kb.runs.load(tmp_path)
    assert (run.config.execution, run.history["epoch"], run.config.seed) == ("model.fit", [1, 2, 3], None)
    assert run.model_path.exists()
    for name, value in (("checkpoint_every", "1 epoch"), ("resume", True)):
        with pytest.raises(ArgumentError, match="received Overriding, which Keras trains"):
            fit(model, tmp_path / "other", **{name: value})


def test_batches_are_described_by_what_yields_them(tmp_path):
    def batches():
        while True:
            yield X[:8], Y[:8]

    kb.fit(compiled(), batches(), steps_per_epoch=2, verbose=0, run_dir=tmp_path)
    assert kb.runs.load(tmp_path).config.data == {"x": {"type": "generator"}}


def test_an_interruption_after_an_epoch_keeps_the_history(tmp_path):
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(compiled(), tmp_path / "run", callbacks=[Stop(2)])
    assert caught.value.__notes__ == [
        f"interrupted after 2 of 3 epochs: the history is in {tmp_path / 'run'}, no model was saved."
    ]
    assert kb.runs.load(tmp_path / "run").config.finished is None
    assert kb.runs.load(tmp_path / "run").history["epoch"] == [1, 2]


def test_an_interruption_before_that_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(compiled(), tmp_path / "a" / "run", callbacks=[Stop(0)])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_empty_is_rejected_before_the_first_step(tmp_path):
    model = compiled()
    before = model.get_weights()
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RunFolderError, match=r"is not empty: choose another folder for run_dir\.$"):
        fit(model, tmp_path)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.once
def test_a_folder_in_use_is_rejected_before_the_first_step(tmp_path):
    class Nested(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            with pytest.raises(RunFolderError, match=f"is in use by process {os.getpid()}, this one, on .* since "):
                fit(compiled(), tmp_path)

    fit(compiled(), tmp_path, callbacks=[Nested()])
    assert kb.runs.load(tmp_path).history["epoch"] == [1, 2, 3]


@pytest.mark.once
def test_of_two_threads_that_train_in_one_folder_one_is_rejected(tmp_path):
    def train():
        try:
            return fit(compiled(), tmp_path).history
        except RunFolderError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        first, second = (each.result() for each in [pool.submit(train) for _ in range(2)])
    assert {type(first), type(second)} == {str, dict}
    assert kb.runs.load(tmp_path).history["epoch"] == [1, 2, 3]


@pytest.mark.once
@pytest.mark.parametrize("run_dir", [5, True, "", b"run", ["run"], {}])
def test_a_run_dir_of_another_type_is_rejected_before_the_first_step(run_dir):
    with pytest.raises(ArgumentError) as caught:
        fit(compiled(), run_dir)
    assert str(caught.value) == f"Expected run_dir to be the path of a folder, received {run_dir!r}."


def test_a_model_that_cannot_be_saved_is_rejected_before_the_first_step(tmp_path):
    class Through(keras.Model):
        def __init__(self, function):
            super().__init__()
            self.dense, self.function = keras.layers.Dense(2), function

        def call(self, x):
            return self.function(self.dense(x))

    model = Through(lambda x: keras.ops.softmax(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ArgumentError, match="Through, or a layer in it, was made with arguments"):
        fit(model, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_cannot_be_loaded_raises_one_sentence(tmp_path):
    fit(compiled(), tmp_path, epochs=1)
    (tmp_path / "model.keras").write_text("no zip")
    with pytest.raises(RunFolderError, match=r"model\.keras cannot be loaded: "):
        kb.runs.load(tmp_path).load_model()


def test_a_model_with_custom_classes_can_be_loaded(tmp_path):
    class Doubling(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    fit(compiled(keras.Sequential([keras.Input((3,)), Doubling(), keras.layers.Dense(2, "softmax")])), tmp_path)
    run = kb.runs.load(tmp_path)
    with pytest.raises(RunFolderError, match=r"cannot be loaded: .*Doubling"):
        run.load_model()
    assert isinstance(run.load_model({"Doubling": Doubling}).layers[0], Doubling)
