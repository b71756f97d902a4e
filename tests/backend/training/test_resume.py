"""A run that ends at any step continues from its checkpoint as if nothing had happened: bit for bit."""

import json
import logging
import signal

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.checkpoint import files
from kerasbridge.errors import ArgumentError, RunFolderError
from kerasbridge.keras_compat import keras

ROWS, BATCH_SIZE, EPOCHS = 60, 10, 4
RNG = np.random.default_rng(0)
X, Y = RNG.random((ROWS, 6)).astype("float32"), RNG.integers(0, 3, ROWS)


class Killed(BaseException):
    """Ends a training as a kill does: nothing is saved."""


class KillAt(keras.callbacks.Callback):
    """Ends the training after so many steps; never, if the number is 0."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch, logs=None):
        self.steps -= 1
        if not self.steps:
            raise Killed


class Counting(keras.callbacks.Callback):
    """Counts epochs, with a state of its own."""

    def __init__(self):
        super().__init__()
        self.epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1

    def get_state(self):
        return {"epochs": self.epochs}

    def set_state(self, state):
        self.epochs = state["epochs"]


class CountingLoss(keras.losses.Loss):
    """A loss that grows with its calls, by a variable that is no part of the model."""

    def __init__(self):
        super().__init__()
        self.calls = keras.Variable(0.0, trainable=False, name="calls")

    def call(self, y_true, y_pred):
        self.calls.assign_add(1.0)
        return keras.ops.square(y_true - y_pred) * (1 + self.calls / 10)


class Batches(keras.utils.PyDataset):
    """The same rows as a dataset, shuffled by NumPy after each epoch."""

    def __init__(self):
        super().__init__()
        self.order = np.arange(ROWS)

    def __len__(self):
        return ROWS // BATCH_SIZE

    def __getitem__(self, index):
        rows = self.order[index * BATCH_SIZE :][:BATCH_SIZE]
        return X[rows], Y[rows]

    def on_epoch_end(self):
        np.random.default_rng(len(self.order)).shuffle(self.order)


def classifier():
    layers = [
        keras.Input((6,)),
        keras.layers.Dense(8, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(3, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.AdamW(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def counted():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    model.compile("adam", CountingLoss())
    return model


def counted_eagerly():
    model = counted()
    model.run_eagerly = True
    return model


def eager():
    model = classifier()
    model.run_eagerly = True
    return model


def own_step():
    model = classifier()
    optimizer = keras.optimizers.Adam(0.01)

    def step(model, batch):
        x, y = batch[:2]
        loss = keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, model(x, training=True)))
        return kb.Objective(loss, model.trainable_variables, optimizer), {"twice": 2 * loss}

    return model, step


def generator():
    for epoch in range(EPOCHS):
        for start in range(0, ROWS, BATCH_SIZE):
            yield X[start : start + BATCH_SIZE] + epoch, Y[start : start + BATCH_SIZE]


def drawing():
    while True:
        yield np.random.random((BATCH_SIZE, 6)).astype("float32"), Y[:BATCH_SIZE]


def watching():
    monitored = {"monitor": "loss", "min_delta": 1.0}
    return [
        keras.callbacks.EarlyStopping(**monitored, patience=3, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(**monitored, patience=1),
        Counting(),
    ]


ARRAYS = {"x": X, "y": Y, "batch_size": BATCH_SIZE, "seed": 3}
CASES = {
    "arrays": (classifier, lambda: ARRAYS),
    "validation and callbacks": (classifier, lambda: {**ARRAYS, "validation_split": 0.2, "callbacks": watching()}),
    "streamed arrays": (classifier, lambda: {**ARRAYS, "device_budget": 0}),
    "PyDataset": (classifier, lambda: {"x": Batches(), "seed": 3}),
    "generator": (classifier, lambda: {"x": generator(), "steps_per_epoch": ROWS // BATCH_SIZE, "seed": 3}),
    "generator that draws": (
        classifier,
        lambda: {"x": drawing(), "steps_per_epoch": ROWS // BATCH_SIZE, "seed": 3},
    ),
    "without a seed": (classifier, lambda: {**ARRAYS, "seed": None}),
    "a variable of the loss": (counted, lambda: {**ARRAYS, "y": Y.astype("float32")[:, None]}),
    "a variable of the loss, eager": (counted_eagerly, lambda: {**ARRAYS, "y": Y.astype("float32")[:, None]}),
    "eager": (eager, lambda: ARRAYS),
    "own step": (own_step, lambda: ARRAYS),
}


def train(case, run_dir, **arguments):
    """Train a new model of a case, and return it with the history and callbacks."""
    make_model, make_arguments = CASES[case]
    with kb.seed_everything(1):
        made = make_model()
        model, step = made if isinstance(made, tuple) else (made, None)
        given = {"epochs": EPOCHS, "verbose": 0, "checkpoint_every": "2 steps", **make_arguments(), **arguments}
        kill = given.pop("kill", 0)  # without one, too, each batch has its hook, as the program depends on that
        own = given.pop("callbacks", [])
        callbacks = [*own, KillAt(kill)]
        history = kb.fit(model, run_dir=run_dir, resume=True, step=step, callbacks=callbacks, **given)
    return model, history, own


def state_of(model):
    optimizer = [] if model.optimizer is None else model.optimizer.variables
    return [np.asarray(variable) for variable in [*model.variables, *optimizer]]


@pytest.mark.parametrize("case", CASES)
def test_a_killed_run_ends_as_the_undisturbed_one(tmp_path, case):
    expected, history, undisturbed = train(case, tmp_path / "whole")
    for kill in (8, 11):  # in the second epoch, and later in what continues it
        with pytest.raises(Killed):
            train(case, tmp_path / "killed", kill=kill)
    model, resumed, callbacks = train(case, tmp_path / "killed")
    assert resumed.history == history.history
    assert resumed.epoch == history.epoch
    for actual, value in zip(state_of(model), state_of(expected), strict=True):
        np.testing.assert_array_equal(actual, value)
    assert [each.get_state() for each in callbacks if isinstance(each, Counting)] == [
        each.get_state() for each in undisturbed if isinstance(each, Counting)
    ]
    columns = [kb.runs.load(tmp_path / name).history for name in ("whole", "killed")]
    assert columns[0] | {"seconds": 0} == columns[1] | {"seconds": 0}


def test_a_finished_run_trains_nothing_and_may_get_more_epochs(tmp_path):
    expected, history, _ = train("arrays", tmp_path / "long", epochs=EPOCHS + 2)
    _, first, _ = train("arrays", tmp_path / "run")
    config = (tmp_path / "run" / "config.json").read_bytes()
    model, again, _ = train("arrays", tmp_path / "run", kill=1)  # which no step reaches
    assert again.history == first.history
    assert (tmp_path / "run" / "config.json").read_bytes() == config
    model, more, _ = train("arrays", tmp_path / "run", epochs=EPOCHS + 2)
    assert more.history == history.history
    for actual, value in zip(state_of(model), state_of(expected), strict=True):
        np.testing.assert_array_equal(actual, value)


@pytest.fixture
def usual_signals():
    """Handle Ctrl-C as Python does, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.once
@pytest.mark.usefixtures("usual_signals")
@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_takes_effect_after_a_checkpoint(tmp_path, number, error):
    _, history, _ = train("arrays", tmp_path / "whole")
    arrive = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: signal.raise_signal(number))
    for _ in range(2):  # each time a step further
        with pytest.raises(error):
            train("arrays", tmp_path / "run", callbacks=[arrive], checkpoint_every="1 h")
    assert names(tmp_path / "run") == ["000001-epoch-0-step-1", "000002-epoch-0-step-2"]
    _, resumed, _ = train("arrays", tmp_path / "run")
    assert resumed.history == history.history


@pytest.mark.once
@pytest.mark.usefixtures("usual_signals")
def test_a_signal_after_the_last_step_takes_effect_once_the_run_is_complete(tmp_path):
    arrive = keras.callbacks.LambdaCallback(on_train_end=lambda logs: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        train("arrays", tmp_path / "run", callbacks=[arrive])
    assert kb.runs.load(tmp_path / "run").config.finished


@pytest.mark.once
def test_a_damaged_checkpoint_is_named_and_skipped(tmp_path, caplog):
    _, history, _ = train("arrays", tmp_path / "whole")
    with pytest.raises(Killed):
        train("arrays", tmp_path / "run", kill=11)
    newest, *_ = sorted((tmp_path / "run" / files.CHECKPOINTS).iterdir(), reverse=True)
    arrays = newest / "arrays.safetensors"
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"!")
    with caplog.at_level(logging.WARNING):
        _, resumed, _ = train("arrays", tmp_path / "run")
    assert f"the checkpoint {newest} is damaged" in caplog.text
    assert resumed.history == history.history


@pytest.mark.once
def test_a_state_that_kerasbridge_did_not_write_is_one_sentence(tmp_path):
    for number, state in enumerate(({}, {"position": {"epoch": 1, "moon": 2}}, {"position": 3})):
        train("arrays", tmp_path / str(number), epochs=1)
        files.write(tmp_path / str(number), files.Content({"none": np.zeros(1)}, state), 9, 0, keep=3)
        with pytest.raises(RunFolderError, match="contains a state that kerasbridge did not write"):
            train("arrays", tmp_path / str(number))


@pytest.mark.once
def test_checkpoints_follow_the_interval_and_the_oldest_are_removed(tmp_path):
    train("arrays", tmp_path / "steps", checkpoint_every="4 steps", keep_checkpoints=2)
    assert names(tmp_path / "steps") == ["000006-epoch-3-step-6", "000007-epoch-4-step-0"]
    train("arrays", tmp_path / "epochs", checkpoint_every="2 epochs", keep_checkpoints=9)
    assert names(tmp_path / "epochs") == ["000001-epoch-2-step-0", "000002-epoch-4-step-0"]
    train("arrays", tmp_path / "seconds", checkpoint_every="1 h")
    assert names(tmp_path / "seconds") == ["000001-epoch-4-step-0"]
    manifest = json.loads(
        (tmp_path / "seconds" / files.CHECKPOINTS / "000001-epoch-4-step-0" / "manifest.json").read_text()
    )
    assert manifest["format"] == files.FORMAT


def names(run_dir):
    return sorted(path.name for path in (run_dir / files.CHECKPOINTS).iterdir())


@pytest.mark.once
def test_other_arguments_than_at_the_start_are_named(tmp_path):
    with pytest.raises(Killed):
        train("arrays", tmp_path / "run", kill=8)
    with pytest.raises(ArgumentError, match=r"batch_size was 10, is 12; seed was 3, is 4; data\.content was"):
        train("arrays", tmp_path / "run", batch_size=12, seed=4, x=X + 1)
    with pytest.raises(ArgumentError, match=r"model was .*; optimizer\.class was \"AdamW\", is \"Adam\""):
        train("a variable of the loss", tmp_path / "run", y=Y)
    _, history, _ = train("arrays", tmp_path / "run")
    assert len(history.epoch) == EPOCHS


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resume": True}, "Expected run_dir with resume"),
        ({"checkpoint_every": "10s"}, "Expected run_dir with checkpoint_every"),
        ({"run_dir": "run", "checkpoint_every": 10}, 'such as "10s", "5 min", "500 steps" or "1 epoch", received 10'),
        ({"run_dir": "run", "checkpoint_every": "0 steps"}, "received '0 steps'"),
        ({"run_dir": "run", "keep_checkpoints": 0}, "keep_checkpoints"),
        ({"run_dir": "run", "resume": "yes"}, "Expected resume to be True or False, received 'yes'"),
        ({"run_dir": "run", "resume": True, "initial_epoch": 1}, "Expected no initial_epoch with resume, received 1"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match=message):
        kb.fit(classifier(), X, Y, epochs=2, verbose=0, **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.once
def test_a_finished_run_without_checkpoints_cannot_be_continued(tmp_path):
    kb.fit(classifier(), X, Y, verbose=0, run_dir=tmp_path / "run")
    with pytest.raises(RunFolderError, match="a finished run without checkpoints"):
        kb.fit(classifier(), X, Y, verbose=0, run_dir=tmp_path / "run", resume=True)


@pytest.mark.once
def test_a_generator_with_other_batches_restarts_the_epoch_and_says_so(tmp_path, caplog):
    def noisy(seed):
        rng = np.random.default_rng(seed)
        while True:
            yield rng.random((BATCH_SIZE, 6)).astype("float32"), Y[:BATCH_SIZE]

    with pytest.raises(Killed):
        train("generator", tmp_path / "run", x=noisy(0), kill=11)
    with caplog.at_level(logging.WARNING):
        _, history, _ = train("generator", tmp_path / "run", x=noisy(1))
    assert "the data gave other batches than before" in caplog.text
    assert history.epoch == [0, 1, 2, 3]
