"""Time to the first step of a `kb.fit` on a model that has been trained before, which compiles nothing.

    KERAS_BACKEND=torch python -m kerasbridge.benchmark.second_fit --model cnn

The first call builds and compiles, and is reported separately. Further calls train and validate on the same arrays.
"""

import statistics
import time
from typing import Any

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.benchmark.epochs import compiled_model, digits, run
from kerasbridge.keras_compat import keras
from kerasbridge.training import step_loop


class FirstStepTimer(keras.callbacks.Callback):  # type: ignore[misc]
    """Measure the milliseconds from its creation to the start of the first step."""

    def __init__(self) -> None:
        super().__init__()
        self._created = time.perf_counter()
        self.milliseconds = 0.0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Stop the timer at the first step."""
        self.milliseconds = self.milliseconds or 1000 * (time.perf_counter() - self._created)


def measure(model_name: str, data_name: str, rounds: int, epochs: int, rows: int | None) -> dict[str, Any]:
    """Measure the milliseconds to the first step, of the first call and of further ones (median, minimum and maximum).

    Args:
        model_name: "mlp" or "cnn".
        data_name: an argument of `kb.datasets.mnist`.
        rounds: the number of further calls.
        epochs: epochs of a call.
        rows: the number of training rows.
    """
    x, y = digits(data_name, rows)
    model = compiled_model(model_name)

    def time_to_first_step() -> float:
        timer = FirstStepTimer()
        kb.fit(model, x, y, epochs=epochs, verbose=0, validation_data=(x[:320], y[:320]), callbacks=[timer])
        return timer.milliseconds

    first = time_to_first_step()
    compiled = list(model.__dict__[step_loop.COMPILED])
    further = [time_to_first_step() for _ in range(rounds)]
    return {
        "backend": engines.current().name,
        "model": model_name,
        "rows": len(x),
        "first_call_milliseconds": round(first, 1),
        "milliseconds": round(statistics.median(further), 1),
        "milliseconds_min_max": [round(min(further), 1), round(max(further), 1)],
        "compiled_again": len(set(model.__dict__[step_loop.COMPILED]) - set(compiled)),
    }


if __name__ == "__main__":
    run(measure, __doc__, rounds=10, epochs=1)
