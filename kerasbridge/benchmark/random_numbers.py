"""Cost of portable random numbers, as a share of a training step.

    KERAS_BACKEND=torch python -m kerasbridge.benchmark.random_numbers --model cnn

The same model trains alternately with random bits and with constant ones; its dropout is applied in both cases. An
epoch of each forms a pair. The first epoch of a call, which compiles or warms up, does not count. The share is that of
the step with random bits.
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
def constant_bits() -> Iterator[None]:
    """Let steps compiled in the body use the same bits for every draw, without computing them."""
    engine: Any = engines.current()
    cache: dict[int, np.ndarray[Any, Any]] = {}

    def random_bits(key: Any, count: int) -> Any:
        del key
        if count not in cache:
            cache[count] = generator.random_bits(0, 0, count).view(np.int32)
        return keras.ops.convert_to_tensor(cache[count])

    engine.random_bits = random_bits
    try:
        yield
    finally:
        del engine.random_bits


def compare(model_name: str, data_name: str, rounds: int, epochs: int, rows: int | None) -> dict[str, Any]:
    """Measure the share of random numbers in the time of a step: median, minimum and maximum of the pairs.

    The arguments are those of `epochs.compare`.
    """
    x, y = digits(data_name, rows)
    drawing, constant = (compiled_model(model_name) for _ in range(2))
    constant.set_weights(drawing.get_weights())
    with_draws, without = Stopwatch(), Stopwatch()
    history = None
    for _ in range(rounds):
        history = kb.fit(drawing, x, y, epochs=epochs, verbose=0, callbacks=[with_draws])
        with constant_bits():
            kb.fit(constant, x, y, epochs=epochs, verbose=0, callbacks=[without])
    shares = [
        1 - constant_time / random_time
        for random_time, constant_time in zip(with_draws.seconds, without.seconds, strict=True)
    ]
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
