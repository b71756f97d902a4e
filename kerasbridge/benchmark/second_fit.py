"""How soon a `kb.fit` on a model that has been trained before starts its first step, and that it compiles nothing.

    KERAS_BACKEND=torch python -m kerasbridge.benchmark.second_fit --model cnn

The first call builds and compiles; it is told apart. Each further call trains and validates on the same arrays.
"""

import statistics
import time
from typing import Any

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.benchmark.epochs import compiled_model, digits, run
from kerasbridge.keras_compat import keras
from kerasbridge.training import step_loop


class FirstStep(keras.callbacks.Callback):  # type: ignore[misc]
    """When the first step starts, in milliseconds after this was made."""

    def __init__(self) -> None:
        super().__init__()
        self._made = time.perf_counter()
        self.milliseconds = 0.0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Stop the watch, once."""
        self.milliseconds = self.milliseconds or 1000 * (time.perf_counter() - self._made)


def measure(model_name: str, data_name: str, rounds: int, epochs: int, rows: int | None) -> dict[str, Any]:
    """Milliseconds from the call to the first step: of the first call, and median, least and most of further ones.

    Args:
        model_name: "mlp" or "cnn".
        data_name: what `kb.datasets.mnist` takes.
        rounds: further calls.
        epochs: epochs of a call.
        rows: train on that many rows only.
    """
    x, y = digits(data_name, rows)
    model = compiled_model(model_name)

    def started() -> float:
        watch = FirstStep()
        kb.fit(model, x, y, epochs=epochs, verbose=0, validation_data=(x[:320], y[:320]), callbacks=[watch])
        return watch.milliseconds

    first = started()
    compiled = list(model.__dict__[step_loop.COMPILED])
    further = [started() for _ in range(rounds)]
    return {
        "backend": engines.current().name,
        "model": model_name,
        "rows": len(x),
        "first_call_milliseconds": round(first, 1),
        "milliseconds": round(statistics.median(further), 1),
        "milliseconds_min_max": [round(min(further), 1), round(max(further), 1)],
        "compiled_anew": len(set(model.__dict__[step_loop.COMPILED]) - set(compiled)),
    }


if __name__ == "__main__":
    run(measure, __doc__, rounds=10, epochs=1)
