"""What portable random numbers cost, as a share of a training step.

    KERAS_BACKEND=torch python -m kerasbridge.benchmark.random_numbers --model cnn

The same model trains with the masks it draws and, in turn, with every drawn word replaced by a constant; its dropout is
applied all the same. An epoch of either makes a pair. The first epoch of a call, which compiles or warms up, does not
count. The share is of the step that draws.
"""

import contextlib
import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.benchmark.epochs import Stopwatch, compiled_model, digits, run
from kerasbridge.keras_compat import keras
from kerasbridge.random import generator


@contextlib.contextmanager
def constant_words() -> Iterator[None]:
    """While open, a step that is compiled gets the same words at every draw, without computing them."""
    engine: Any = engines.current()
    found: dict[int, np.ndarray[Any, Any]] = {}

    def words(key: Any, count: int) -> Any:
        del key
        if count not in found:
            found[count] = generator.random_bits(0, 0, count).view(np.int32)
        return keras.ops.convert_to_tensor(found[count])

    engine.random_bits = words
    try:
        yield
    finally:
        del engine.random_bits


def compare(model_name: str, data_name: str, rounds: int, epochs: int, rows: int | None) -> dict[str, Any]:
    """The share of a step's time that drawing takes: median, least and most of the pairs.

    The arguments are those of `epochs.compare`.
    """
    x, y = digits(data_name, rows)
    drawing, constant = (compiled_model(model_name) for _ in range(2))
    constant.set_weights(drawing.get_weights())
    with_draws, without = Stopwatch(), Stopwatch()
    history = None
    for _ in range(rounds):
        history = kb.fit(drawing, x, y, epochs=epochs, verbose=0, callbacks=[with_draws])
        with constant_words():
            kb.fit(constant, x, y, epochs=epochs, verbose=0, callbacks=[without])
    shares = [1 - fixed / drawn for drawn, fixed in zip(with_draws.seconds, without.seconds, strict=True)]
    steps = -(-len(x) // 32)
    return {
        "backend": engines.current().name,
        "model": model_name,
        "rows": len(x),
        "execution": history.params["execution"] if history else None,
        "milliseconds_per_step": round(1000 * statistics.median(with_draws.seconds) / steps, 3),
        "share_of_draws": round(statistics.median(shares), 3),
        "share_min_max": [round(min(shares), 3), round(max(shares), 3)],
    }


if __name__ == "__main__":
    run(compare, __doc__, rounds=5, epochs=4)
