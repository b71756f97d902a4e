"""Callbacks of Keras and of users, compared with stock `fit` on the same backend."""

import csv
import importlib.util
import itertools
import json
import re
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from kerasbridge.training import callbacks as liveness
from tests.backend.models import CASES, assert_same_state, mlp, seeded, state, twins

own = keras.callbacks
STEPS = 4
X, Y = CASES["MLP"].arrays(8 * STEPS)
PLAIN = {"batch_size": 8, "shuffle": False, "verbose": 0}
CLOSE = {"rtol": 1e-3, "atol": 1e-4}
HOOKS = [
    *(f"on_{kind}_{when}" for kind in ("train", "epoch", "test", "predict") for when in ("begin", "end")),
    *(f"on_{kind}batch_{when}" for kind in ("train_", "test_", "predict_", "") for when in ("begin", "end")),
]
FIT_HOOKS = [hook for hook in HOOKS if "predict" not in hook and not hook.startswith("on_batch")]


def sgd():
    return mlp(optimizer=keras.optimizers.SGD(0.1))


def averaging():
    return mlp(optimizer=keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9))


def call_on(hook, function):
    """Return a callback with one hook, which calls a function with (model, number of previous calls)."""
    times = []

    def called(self, *_, **__):
        times.append(1)
        function(self.model, len(times) - 1)

    return type("One", (own.Callback,), {hook: called})()


def recording_calls(callback, seen):
    """Record each call of a hook: its name, its batch or epoch, and the names of its logs."""

    def note(hook, original, *arguments, **keywords):
        given = [*arguments, *keywords.values()]
        numbers = [part for part in given if isinstance(part, int)]
        seen.append((hook, numbers, [sorted(part) for part in given if isinstance(part, dict)]))
        return original(*arguments, **keywords)

    for hook in HOOKS:
        setattr(callback, hook, partial(note, hook, getattr(callback, hook)))
    return callback


def assert_equal_to_stock(make, folder, build=sgd, x=X, y=Y, **arguments):
    """Train with stock `fit` and with kerasbridge; each with the callbacks from `make`, in a folder of its own.

    Assert that histories, weights and the files in the folders are equal.
    """
    arguments = {**PLAIN, "epochs": 3, "validation_data": (X[:16], Y[:16]), **arguments}
    stock, model = twins(build)
    there, here = (folder / "stock", folder / "bridge")
    for path in (there, here):
        path.mkdir()
    expected = stock.fit(x, y, callbacks=make(there), **arguments)
    history = kb.fit(model, x, y, callbacks=make(here), **arguments)
    assert history.epoch == expected.epoch
    assert list(history.history) == list(expected.history)
    for name, values in expected.history.items():
        np.testing.assert_allclose(history.history[name], values, err_msg=name, **CLOSE)
    assert_same_state(model, stock, **CLOSE)
    assert files(here) == files(there)
    return SimpleNamespace(stock=stock, model=model, history=history, there=there, here=here)


def files(folder):
    """Return the files below a folder, except for those named after their contents."""
    found = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return sorted({re.sub(r"[0-9a-f]{32}", "…", name) for name in found})


def sharply(epoch, rate):
    return rate * 0.3


KERAS_OWN = {
    "BackupAndRestore": lambda folder: own.BackupAndRestore(folder / "backup", delete_checkpoint=False),
    "BackupAndRestore by batches": lambda folder: own.BackupAndRestore(folder / "backup", 3, delete_checkpoint=False),
    "CSVLogger": lambda folder: own.CSVLogger(folder / "log.csv"),
    "EarlyStopping": lambda _: own.EarlyStopping("loss", min_delta=10.0, patience=1, restore_best_weights=True),
    "LambdaCallback": lambda folder: own.LambdaCallback(on_epoch_end=lambda epoch, logs: (folder / "end").touch()),
    "LearningRateScheduler": lambda _: own.LearningRateScheduler(sharply),
    "ModelCheckpoint": lambda folder: own.ModelCheckpoint(folder / "{epoch}.keras"),
    "ModelCheckpoint of the best": lambda folder: own.ModelCheckpoint(
        folder / "{epoch}.weights.h5", save_best_only=True, save_weights_only=True
    ),
    "ModelCheckpoint by batches": lambda folder: own.ModelCheckpoint(folder / "{epoch}-{batch}.keras", save_freq=3),
    "ProgbarLogger": lambda _: own.ProgbarLogger(),
    "ReduceLROnPlateau": lambda _: own.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=10.0),
    "TerminateOnNaN": lambda _: own.TerminateOnNaN(),
}


@pytest.mark.parametrize("name", KERAS_OWN)
def test_keras_callbacks_have_their_effect(name, tmp_path):
    assert_equal_to_stock(lambda folder: [KERAS_OWN[name](folder)], tmp_path)


def test_all_callbacks_together_are_called_as_by_stock_fit(tmp_path):
    calls = {}

    def make(folder):
        seen = calls.setdefault(folder.name, [])
        chosen = [make(folder) for name, make in KERAS_OWN.items() if name != "ProgbarLogger"]
        return [recording_calls(callback, seen) for callback in chosen]

    assert_equal_to_stock(make, tmp_path)
    assert len(calls["stock"]) > 2 * STEPS * len(KERAS_OWN)
    assert calls["bridge"] == calls["stock"]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # stock Keras warns at the end of the epoch
@pytest.mark.parametrize("steps_per_epoch", [None, 3])
def test_batch_hooks_for_a_generator_are_called_as_by_stock_fit(steps_per_epoch, tmp_path):
    calls = {}

    def batches():
        for _ in range(3 if steps_per_epoch else 1):
            yield from ((X[at : at + 8], Y[at : at + 8]) for at in range(0, 32, 8))

    stock, model = twins(sgd)
    arguments = {"epochs": 3 if steps_per_epoch else 1, "steps_per_epoch": steps_per_epoch, **PLAIN, "batch_size": None}
    for name, fit in (("stock", stock.fit), ("bridge", partial(kb.fit, model))):
        fit(batches(), callbacks=[recording_calls(own.Callback(), calls.setdefault(name, []))], **arguments)
    assert len(calls["stock"]) > 2 * STEPS
    # Stock Keras on TensorFlow announces a fifth batch before it finds that the data has ended.
    expected = [call for call in calls["stock"] if steps_per_epoch or call[0] == "on_train_end" or call[1] != [STEPS]]
    assert calls["bridge"] == expected
    for one, other in zip(model.get_weights(), stock.get_weights(), strict=True):  # its optimizer counts that one, too
        np.testing.assert_allclose(one, other, **CLOSE)


# Single callbacks -----------------------------------------------------------------------------------------------------


def test_the_csv_has_a_row_for_each_epoch(tmp_path):
    runs = assert_equal_to_stock(lambda folder: [own.CSVLogger(folder / "log.csv")], tmp_path)
    here, there = ([*csv.DictReader((path / "log.csv").read_text().splitlines())] for path in (runs.here, runs.there))
    assert [row["epoch"] for row in here] == ["0", "1", "2"]
    assert list(here[0]) == list(there[0])
    assert [float(row["loss"]) for row in here] == pytest.approx(runs.history.history["loss"])


def test_a_checkpoint_by_batches_contains_the_weights_after_them(tmp_path):
    kb.fit(seeded(sgd), X, Y, callbacks=[own.ModelCheckpoint(tmp_path / "{batch}.keras", save_freq=3)], **PLAIN)
    other = seeded(sgd)
    kb.fit(other, X[:24], Y[:24], **PLAIN)
    assert_same_state(keras.models.load_model(tmp_path / "3.keras"), other)


def test_an_interrupted_run_continues_from_its_backup(tmp_path):
    whole, broken = twins(mlp)
    kb.fit(whole, X, Y, epochs=4, seed=3, batch_size=8, verbose=0)

    def fail(model, times):
        if times == 2:
            raise OSError("power cut")

    again = partial(kb.fit, x=X, y=Y, epochs=4, seed=3, batch_size=8, verbose=0)
    backup = own.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(OSError, match="power cut"):
        again(broken, callbacks=[backup, call_on("on_epoch_begin", fail)])
    resumed = mlp()
    history = again(resumed, callbacks=[own.BackupAndRestore(tmp_path / "backup")])
    assert history.epoch == [2, 3]
    assert_same_state(resumed, whole)


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_moving_averages_are_swapped_in_for_validation(swap_on_epoch, tmp_path):
    assert_equal_to_stock(lambda _: [own.SwapEMAWeights(swap_on_epoch)], tmp_path, build=averaging)


def test_moving_averages_are_swapped_in_to_evaluate():
    stock, model = twins(averaging)
    kb.fit(stock, X, Y, **PLAIN)
    kb.fit(model, X, Y, **PLAIN)
    for one in (stock, model):
        one.set_weights([np.zeros_like(value) for value in one.get_weights()])
    expected = stock.evaluate(X, Y, 8, verbose=0, callbacks=[own.SwapEMAWeights()])
    found = kb.evaluate(model, X, Y, 8, verbose=0, callbacks=[own.SwapEMAWeights()])
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert not np.any(model.get_weights()[0])


def test_terminate_on_nan_may_raise():
    weights = np.where(np.arange(len(X)) == 20, np.nan, 1.0)
    model = sgd()
    with pytest.raises(RuntimeError, match="at batch 2"):
        kb.fit(model, X, Y, sample_weight=weights, callbacks=[own.TerminateOnNaN(raise_error=True)], **PLAIN)
    assert int(model.optimizer.iterations) == 3


def test_an_overridden_terminate_on_nan_does_not_stop():
    class Look(own.TerminateOnNaN):
        def on_batch_end(self, batch, logs=None):
            pass

    model = sgd()
    weights = np.where(np.arange(len(X)) == 10, np.nan, 1.0)
    kb.fit(model, X, Y, sample_weight=weights, callbacks=[Look()], epochs=2, **PLAIN)
    assert int(model.optimizer.iterations) == 2 * STEPS


@pytest.mark.parametrize("call", ["fit", "evaluate", "predict"])
def test_a_keras_progress_bar_replaces_ours(call, capsys):
    model = sgd()
    capsys.readouterr()
    getattr(kb, call)(model, *((X,) if call == "predict" else (X, Y)), 8, verbose=1, callbacks=[own.ProgbarLogger()])
    out = capsys.readouterr().out
    assert f"{STEPS}/{STEPS}" in out
    assert "samples/s" not in out
    assert "Epoch 1/1" not in out


def test_a_list_of_callbacks_is_taken_as_it_is(capsys):
    model, seen = sgd(), []
    ready = own.CallbackList([recording_calls(own.Callback(), seen)], add_history=True, model=model, epochs=7)
    capsys.readouterr()
    history = kb.fit(model, X, Y, 8, callbacks=ready, verbose=2)
    assert history is model.history is ready._history
    assert history.params["epochs"] == 7
    assert [hook for hook, *_ in seen].count("on_train_batch_end") == STEPS
    assert capsys.readouterr().out == ""


def test_lists_in_lists_and_a_single_callback_are_taken_as_by_keras():
    seen = []
    nested = [[recording_calls(own.Callback(), seen)], (recording_calls(own.Callback(), seen),)]
    for callbacks in (nested, recording_calls(own.Callback(), seen)):
        kb.fit(sgd(), X, Y, callbacks=callbacks, **PLAIN)
    assert [hook for hook, *_ in seen].count("on_train_begin") == 3


# Stopping -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", FIT_HOOKS)
def test_stop_training_in_any_hook_has_stocks_effect(hook, tmp_path):
    """The second call of each hook stops, or the first of `on_train_…`."""
    counts = {}

    def make(folder):
        def stop(model, times):
            model.stop_training = times == (hook not in ("on_train_begin", "on_train_end"))

        def count(model, _):
            counts[folder.name] = int(model.optimizer.iterations)

        return [call_on(hook, stop), call_on("on_epoch_end", count)]

    assert_equal_to_stock(make, tmp_path)
    assert counts["bridge"] == counts["stock"]
    assert counts["bridge"] < 3 * STEPS or hook == "on_train_end"


@pytest.mark.parametrize("hook", ["on_test_begin", "on_test_batch_begin", "on_test_batch_end"])
def test_stop_evaluating_in_any_hook_has_stocks_effect(hook):
    def stop(model, times):
        model.stop_evaluating = True

    model = sgd()
    expected = model.evaluate(X, Y, 8, verbose=0, callbacks=[call_on(hook, stop)])
    found = kb.evaluate(model, X, Y, 8, verbose=0, callbacks=[call_on(hook, stop)])
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found != kb.evaluate(model, X, Y, 8, verbose=0)


@pytest.mark.parametrize("hook", ["on_predict_begin", "on_predict_batch_begin", "on_predict_batch_end"])
def test_stop_predicting_in_any_hook_has_stocks_effect(hook):
    def stop(model, times):
        model.stop_predicting = True

    model = sgd()
    expected = model.predict(X, 8, verbose=0, callbacks=[call_on(hook, stop)])
    assert len(kb.predict(model, X, 8, verbose=0, callbacks=[call_on(hook, stop)])) == len(expected) == 8


# Errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", FIT_HOOKS)
def test_a_callback_that_raises_in_any_hook_leaves_the_model_as_stock_does(hook):
    seen = []

    def fail(model, times):
        if times == (0 if hook.startswith("on_train_") and "batch" not in hook else 1):
            raise OSError("disk full")

    stock, model = twins(mlp)
    stock.optimizer.build(stock.trainable_variables)  # stock TensorFlow does that with the first step
    arguments = {"epochs": 3, "validation_data": (X[:16], Y[:16]), **PLAIN}
    for fit, noted in ((stock.fit, []), (partial(kb.fit, model), seen)):
        with pytest.raises(OSError, match="disk full"):
            fit(X, Y, callbacks=[recording_calls(own.Callback(), noted), call_on(hook, fail)], **arguments)
    assert ("on_train_end" in [name for name, *_ in seen]) == (hook == "on_train_end")
    assert_same_state(model, stock, **CLOSE)
    before = state(model)
    kb.fit(model, X, Y, **PLAIN)
    assert any((value != before[name]).any() for name, value in state(model).items())


def test_a_callback_that_raises_leaves_the_moving_averages_in_the_weights():
    def fail(model, times):
        raise OSError("disk full")

    model = averaging()
    with pytest.raises(OSError, match="disk full"):
        kb.fit(model, X, Y, callbacks=[call_on("on_epoch_end", fail)], **PLAIN)
    average = next(variable for variable in model.optimizer.variables if "average" in variable.path)
    np.testing.assert_array_equal(model.get_weights()[0], average.numpy())


# Writing to variables -------------------------------------------------------------------------------------------------

WRITES = {
    "learning rate": lambda model: setattr(model.optimizer, "learning_rate", 0.0),
    "trainable": lambda model: setattr(model, "trainable", False),
}


@pytest.mark.parametrize("hook", ["on_epoch_end", "on_train_batch_end"])
@pytest.mark.parametrize("what", WRITES)
def test_changes_by_a_callback_take_effect_with_the_next_step(hook, what):
    kernels = []

    def change(model, times):
        if times == 0:
            WRITES[what](model)

    def look(model, _):
        kernels.append(model.get_weights()[0])

    callbacks = [call_on("on_train_batch_begin", look), call_on(hook, change)]
    model = sgd()
    kb.fit(model, X, Y, epochs=2, callbacks=callbacks, **PLAIN)
    moved = [bool((one != other).any()) for one, other in itertools.pairwise(kernels)]
    trained = STEPS if hook == "on_epoch_end" else 1
    assert moved == [True] * trained + [False] * (2 * STEPS - 1 - trained)


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_train_batch_begin", "on_train_batch_end", "on_epoch_end"])
def test_weights_that_a_callback_sets_are_trained_on(hook, tmp_path):
    def shrink(model, times):
        model.set_weights([value * 0.9 for value in model.get_weights()])

    assert_equal_to_stock(lambda _: [call_on(hook, shrink)], tmp_path)


# Hooks after every batch ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KERAS_OWN)
def test_keras_callbacks_need_batch_hooks_only_if_they_act_on_batches(name, tmp_path):
    callback = KERAS_OWN[name](tmp_path)
    assert liveness.needs_batch_hooks([callback], "train") == name.endswith("by batches")
    assert not liveness.needs_batch_hooks([callback], "test")
    callback.on_train_batch_end = print
    assert liveness.needs_batch_hooks([callback], "train")


def test_a_subclass_of_an_idle_callback_needs_batch_hooks(tmp_path):
    class Mine(own.ModelCheckpoint):
        def _should_save_on_batch(self, batch):
            return True

    assert liveness.needs_batch_hooks([Mine(tmp_path / "a.keras")], "train")


# Other packages -------------------------------------------------------------------------------------------------------


def test_orbax_checkpoints_are_those_of_stock_fit(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    checkpoint = partial(own.OrbaxCheckpoint, save_on_background=False, max_to_keep=None)
    runs = assert_equal_to_stock(lambda folder: [checkpoint(folder / "orbax")], tmp_path)
    assert sorted(path.name for path in (runs.here / "orbax").iterdir()) == ["0", "1", "2"]
    assert not liveness.needs_batch_hooks([checkpoint(tmp_path / "one")], "train")
    assert liveness.needs_batch_hooks([checkpoint(tmp_path / "two", save_freq=5)], "train")


def test_mlflows_callback_runs_unchanged(tmp_path, monkeypatch):
    for name in ("MLFLOW_ALLOW_FILE_STORE", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "true")
    mlflow = pytest.importorskip("mlflow")
    callback = pytest.importorskip("mlflow.keras").MlflowCallback
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    with mlflow.start_run() as run:
        assert not liveness.needs_batch_hooks([callback()], "train")
        history = kb.fit(mlp(), X, Y, epochs=2, validation_split=0.25, callbacks=[callback()], **PLAIN).history
    logged = mlflow.get_run(run.info.run_id).data.metrics
    assert {name: logged[name] for name in history} == pytest.approx({name: history[name][-1] for name in history})
    with mlflow.start_run() as run:
        by_steps = callback(log_every_epoch=False, log_every_n_steps=2)
        assert liveness.needs_batch_hooks([by_steps], "train")
        kb.fit(mlp(), X, Y, epochs=2, callbacks=[by_steps], **PLAIN)
    logged = mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")
    assert [metric.step for metric in logged] == [2, 4, 6, 8]


def test_wandbs_metrics_logger_runs_unchanged(child):
    """Run in a separate process, because wandb imports TensorFlow on every backend."""
    pytest.importorskip("wandb")
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("wandb.integration.keras imports tensorflow")
    done = child(WANDB, WANDB_MODE="offline", WANDB_SILENT="true", TF_CPP_MIN_LOG_LEVEL="3")
    assert done.returncode == 0, done.stderr
    by_epoch, live, by_batch, also_live, history = json.loads(done.stdout.splitlines()[-1])
    assert by_epoch["epoch/epoch"] == 1
    assert by_epoch["epoch/val_loss"] == pytest.approx(history["val_loss"][-1])
    assert by_epoch["epoch/learning_rate"] == pytest.approx(1e-3)
    assert by_batch["batch/batch_step"] == 2 * 3 - 1
    assert (live, also_live) == (False, True)


WANDB = """
    import json, tempfile
    import kerasbridge as kb, wandb
    from kerasbridge.training import callbacks
    from tests.backend.models import CASES, mlp
    from wandb.integration.keras import WandbMetricsLogger

    x, y = CASES["MLP"].arrays(32)
    found = []
    with tempfile.TemporaryDirectory() as folder, wandb.init(mode="offline", dir=folder) as run:
        for often in ("epoch", "batch"):
            logger = WandbMetricsLogger(often)
            model = mlp()
            history = kb.fit(model, x, y, 8, 2, verbose=0, validation_split=0.25, callbacks=[logger]).history
            live = callbacks.needs_batch_hooks([logger], "train")
            found += [{name: run.summary[name] for name in run.summary.keys()}, live]
            expected = history if often == "epoch" else expected
    print(json.dumps([*found, expected]))
"""
