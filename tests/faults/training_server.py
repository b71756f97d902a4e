"""Train in child processes that are forked after the imports, and kill them.

    KERAS_BACKEND=torch python -m tests.faults.training_server

Reads a line of JSON for each training from stdin, with

    folder, epochs, every    the run folder, the epochs, and the interval between checkpoints
    stock                    whether stock Keras trains, with BackupAndRestore
    seconds, or call         when to kill it, or the system call of its saves at which it kills itself
    data                     an .npz of digits, or null

and writes a line for each: how it ended, and its result if it finished.
"""

import hashlib
import json
import os
import select
import signal
import sys
import time
import warnings

import numpy as np

import kerasbridge as kb
from kerasbridge.checkpoint import files
from kerasbridge.keras_compat import keras
from tests.step_losses import StepLosses
from tests.system_calls import CALLS

ROWS, BATCH_SIZE = 640, 16


def classifier():
    layers = [
        keras.Input((12,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(4, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def load(path):
    """Return the model and data of a training: small random rows, or the digits of a file."""
    if path is None:
        rng = np.random.default_rng(0)
        x, y = rng.random((ROWS, 12)).astype("float32"), rng.integers(0, 4, ROWS)
        return classifier(), (x, y), (x, y), BATCH_SIZE
    with np.load(path) as digits:
        train = digits["x_train"] / np.float32(255), digits["y_train"]
        test = digits["x_test"] / np.float32(255), digits["y_test"]
    model = kb.models.mlp()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, train, test, 32


def train(job):
    """Run a training to its end, and return its result."""
    kb.seed_everything(1)
    model, (x, y), test, batch_size = load(job["data"])
    losses = StepLosses()
    callbacks = [keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=0.1)]
    history = kb.fit(
        model, x, y, batch_size, epochs=job["epochs"], seed=1, verbose=0, run_dir=job["folder"], resume=True,
        checkpoint_every=job["every"], callbacks=[*callbacks, *([losses] if job["data"] else [])],
    )  # fmt: skip
    digest, accuracy = digest_of(model), float(kb.evaluate(model, *test, verbose=0)[1])
    first = {epoch: loss for (epoch, step), loss in losses.losses.items() if step == 0}
    return {"digest": digest, "history": history.history, "first": first, "accuracy": accuracy}


def train_with_backups(job):
    """Run a training of stock Keras to its end, which saves as often, and return its result."""
    keras.utils.set_random_seed(1)
    model, (x, y), _, batch_size = load(job["data"])
    steps = int(job["every"].split()[0])
    backup = keras.callbacks.BackupAndRestore(job["folder"], save_freq=steps, delete_checkpoint=False)
    history = model.fit(x, y, batch_size, epochs=job["epochs"], verbose=0, callbacks=[backup])
    return {"digest": digest_of(model), "history": history.history}


def digest_of(model):
    """Return a digest of the bits of all variables of a model and its optimizer."""
    variables = [*model.variables, *model.optimizer.variables]
    return hashlib.sha256(b"".join(np.asarray(each).tobytes() for each in variables)).hexdigest()


def die_at(number):
    """Kill this process at a system call of its saves, counted from 1."""
    remaining = [number]

    def counted(call):
        def made(*arguments, **keywords):
            if saving:
                remaining[0] -= 1
                if not remaining[0]:
                    os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **keywords)

        return made

    saving, write = [], files.write

    def written(*arguments, **keywords):
        saving.append(True)
        try:
            return write(*arguments, **keywords)
        finally:
            saving.pop()

    files.write = written
    for module, name in CALLS:
        setattr(module, name, counted(getattr(module, name)))


def run(job):
    """Train in a forked child, kill it as the job states, and return how it ended."""
    read, write = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if not child:
        os.close(read)
        if job.get("call"):
            die_at(job["call"])
        try:
            result = json.dumps({"result": train_with_backups(job) if job.get("stock") else train(job)})
        except BaseException as error:
            result = json.dumps({"error": f"{type(error).__name__}: {error}"})
        os.write(write, result.encode())
        os._exit(0)
    os.close(write)
    seconds = job.get("seconds")
    if seconds is not None:
        descriptor = os.pidfd_open(child)
        select.select([descriptor], [], [], seconds)
        os.close(descriptor)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(read, "rb") as pipe:
        output = pipe.read()
    _, status = os.waitpid(child, 0)
    ended = {"killed": os.WIFSIGNALED(status), "seconds": time.monotonic() - began}
    return ended | (json.loads(output) if output else {})


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # a fork of a process with threads
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
