"""Cost of common callbacks: seconds per epoch of `kb.fit` with and without them, in one process.

    KERAS_BACKEND=torch python -m kerasbridge.benchmark.callbacks --data mnist.npz

The callbacks are ModelCheckpoint and TensorBoard, both once per epoch, EarlyStopping and the progress bar. Two models
train from the same weights, with alternating calls of `kb.fit`; an epoch of each forms a pair. The first epoch of a
call, which compiles or warms up, does not count. An epoch ends after its callbacks: the time that they need
themselves, mostly to write files, is the same with stock `fit` and is reported separately.
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
    """A stream that counts as a terminal, so that the progress bar is drawn."""

    def isatty(self) -> bool:
        """Return True."""
        return True


def common_callbacks(folder: Path) -> list[Any]:
    """Return a checkpoint and TensorBoard scalars after each epoch, and early stopping that never stops."""
    return [
        keras.callbacks.ModelCheckpoint(folder / "{epoch}.keras"),
        keras.callbacks.EarlyStopping("loss", patience=1_000_000, restore_best_weights=True),
        keras.callbacks.TensorBoard(folder / "logs", update_freq="epoch"),
    ]


def compare(model_name: str, data_name: str, rounds: int, epochs: int, rows: int | None) -> dict[str, Any]:
    """Measure the time of an epoch with callbacks relative to one without: median, minimum and maximum of the pairs.

    The arguments are those of `epochs.compare`.
    """
    x, y = digits(data_name, rows)
    plain, with_callbacks = (compiled_model(model_name) for _ in range(2))
    with_callbacks.set_weights(plain.get_weights())
    without, steps, epoch = (Stopwatch() for _ in range(3))
    history = None
    for _ in range(rounds):
        kb.fit(plain, x, y, epochs=epochs, verbose=0, callbacks=[without])
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(Terminal()):
            callbacks = [steps, *common_callbacks(Path(folder)), epoch]  # `steps` stops before the other callbacks
            history = kb.fit(with_callbacks, x, y, epochs=epochs, verbose=1, callbacks=callbacks)
    ratios = [measured / reference for measured, reference in zip(epoch.seconds, without.seconds, strict=True)]
    step_ratios = [measured / reference for measured, reference in zip(steps.seconds, without.seconds, strict=True)]
    callback_seconds = [total - in_steps for total, in_steps in zip(epoch.seconds, steps.seconds, strict=True)]
    return {
        "backend": engines.current().name,
        "model": model_name,
        "rows": len(x),
        "execution": history.params["execution"] if history else None,
        "seconds_per_epoch_without": round(statistics.median(without.seconds), 3),
        "callbacks_take_milliseconds": round(1000 * statistics.median(callback_seconds), 1),
        "times_as_long": round(statistics.median(ratios), 3),
        "times_as_long_min_max": [round(min(ratios), 3), round(max(ratios), 3)],
        "steps_alone": round(statistics.median(step_ratios), 3),
        "steps_alone_min_max": [round(min(step_ratios), 3), round(max(step_ratios), 3)],
    }


if __name__ == "__main__":
    run(compare, __doc__, rounds=5, epochs=4)
