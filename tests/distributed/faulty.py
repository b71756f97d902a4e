"""Train with checkpoints, and let one worker fail at the end of a block.

    python -m tests.distributed.faulty FOLDER [FAULT RANK BLOCK]...

Each fault is that of one attempt of the launcher, the first by default.
"""

import os
import signal
import sys

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from kerasbridge.training.workers import Workers
from tests.distributed import mlp
from tests.distributed.workers import note_attempt, report
from tests.step_losses import StepLosses

RANK, ATTEMPT = int(os.environ["RANK"]), int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM, "int": signal.SIGINT}


def fail_at(fault, block):
    """Let this worker fail after so many blocks."""
    share_signals, blocks = Workers.share_signals, [0]

    def counted(workers):
        blocks[0] += 1
        if blocks[0] == block:
            if fault == "error":
                raise ValueError("bad data")
            os.kill(os.getpid(), SIGNALS[fault])
        share_signals(workers)

    Workers.share_signals = counted


def train(folder):
    """Train, and return what is to be the same after faults."""
    scale, model, first = keras.Variable(1.0), mlp.build(), StepLosses()

    def loss(y, predicted):
        return scale * keras.losses.sparse_categorical_crossentropy(y, predicted)

    def rescale(epoch, logs):
        scale.assign(1.0 + epoch / 8)

    model.compile("adam", loss, metrics=["accuracy"])
    callbacks = [
        first,
        keras.callbacks.LambdaCallback(on_epoch_end=rescale),
        keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=0.5),
    ]
    result = mlp.train(model, epochs=3, run_dir=folder, resume=True, checkpoint_every="4 steps", callbacks=callbacks)
    return {**result, "losses": first.losses}


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
    folder, *faults = sys.argv[1:]
    note_attempt(ATTEMPT)
    kb.use_backend()
    if len(faults) > 3 * ATTEMPT:
        fault, rank, block = faults[3 * ATTEMPT : 3 * ATTEMPT + 3]
        if int(rank) == RANK:
            fail_at(fault, int(block))
    report(train(folder))
