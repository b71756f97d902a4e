"""What the usual callbacks cost: seconds per epoch of `kb.fit` with them beside those without, in one process.

    KERAS_BACKEND=torch python -m kerasbridge.benchmark.callbacks --data mnist.npz

The usual ones are ModelCheckpoint and TensorBoard, both once per epoch, EarlyStopping and the progress bar. Two models
train from the same weights, a call of `kb.fit` of either in turn; an epoch of either makes a pair. The first epoch of a
call, which compiles or warms up, does not count. An epoch ends when its callbacks are through: what they take by
themselves, writing a file above all, is the same under stock `fit`, and told apart.
"""

import contextlib
import io
import statistics
import tempfile
from pathlib import Path
from typing import Any

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.benchmark.epochs import Stopwatch, compiled_model, digits, run
from kerasbridge.keras_compat import keras


class Terminal(io.StringIO):
    """Somewhere for a progress bar to move."""

    def isatty(self) -> bool:
        """It can move here."""
        return True


def usual(folder: Path) -> list[Any]:
    """A checkpoint and TensorBoard's scalars after each epoch, and early stopping that never stops."""
    return [
        keras.callbacks.ModelCheckpoint(folder / "{epoch}.keras"),
        keras.callbacks.EarlyStopping("loss", patience=1_000_000, restore_best_weights=True),
        keras.callbacks.TensorBoard(folder / "logs", update_freq="epoch"),
    ]


def compare(model_name: str, data_name: str, rounds: int, epochs: int, rows: int | None) -> dict[str, Any]:
    """How many times as long an epoch takes with callbacks: median, least and most of the pairs.

    The arguments are those of `epochs.compare`.
    """
    x, y = digits(data_name, rows)
    bare, watched = (compiled_model(model_name) for _ in range(2))
    watched.set_weights(bare.get_weights())
    without, steps, whole = (Stopwatch() for _ in range(3))
    history = None
    for _ in range(rounds):
        kb.fit(bare, x, y, epochs=epochs, verbose=0, callbacks=[without])
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(Terminal()):
            callbacks = [steps, *usual(Path(folder)), whole]  # the first one's epoch ends with its steps
            history = kb.fit(watched, x, y, epochs=epochs, verbose=1, callbacks=callbacks)
    ratios = [mine / theirs for mine, theirs in zip(whole.seconds, without.seconds, strict=True)]
    in_steps = [mine / theirs for mine, theirs in zip(steps.seconds, without.seconds, strict=True)]
    themselves = [one - other for one, other in zip(whole.seconds, steps.seconds, strict=True)]
    return {
        "backend": engines.current().name,
        "model": model_name,
        "rows": len(x),
        "execution": history.params["execution"] if history else None,
        "seconds_per_epoch_without": round(statistics.median(without.seconds), 3),
        "callbacks_take_milliseconds": round(1000 * statistics.median(themselves), 1),
        "times_as_long": round(statistics.median(ratios), 3),
        "times_as_long_min_max": [round(min(ratios), 3), round(max(ratios), 3)],
        "steps_alone": round(statistics.median(in_steps), 3),
        "steps_alone_min_max": [round(min(in_steps), 3), round(max(in_steps), 3)],
    }


if __name__ == "__main__":
    run(compare, __doc__, rounds=5, epochs=4)
