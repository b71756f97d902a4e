"""Cost of a custom step: the built-in step, written as a custom step, against itself in the same process.

    KERAS_BACKEND=torch python -m kerasbridge.benchmark.custom_step_cost --data mnist.npz

Both train the same model from the same weights with the same seed, in alternating calls; their losses must be the
same, bit for bit. The first epoch of a call does not count.
"""

import statistics
from typing import Any

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.benchmark.epochs import Stopwatch, compiled_model, digits, run


def builtin_step(model: Any, batch: Any) -> tuple[Any, Any]:
    """Compute the step of `kb.fit` as a custom step."""
    predictions = model(batch.x, training=True)
    loss = model.compute_loss(batch.x, batch.y, predictions, batch.sample_weight)
    return loss, model.compute_metrics(batch.x, batch.y, predictions, batch.sample_weight)


def compare(model_name: str, data_name: str, rounds: int, epochs: int, rows: int | None) -> dict[str, Any]:
    """Measure how much longer an epoch takes (median, minimum and maximum of the rounds), and compare the losses.

    The arguments are those of `epochs.compare`.
    """
    x, y = digits(data_name, rows)
    builtin, custom = (compiled_model(model_name) for _ in range(2))
    custom.set_weights(builtin.get_weights())
    medians, losses_equal, execution = [], True, ""
    for seed in range(rounds):
        builtin_watch, custom_watch = Stopwatch(), Stopwatch()
        expected = kb.fit(builtin, x, y, epochs=epochs, verbose=0, callbacks=[builtin_watch], seed=seed)
        history = kb.fit(custom, x, y, epochs=epochs, verbose=0, callbacks=[custom_watch], seed=seed, step=builtin_step)
        medians.append((statistics.median(builtin_watch.seconds), statistics.median(custom_watch.seconds)))
        losses_equal, execution = losses_equal and history.history == expected.history, history.params["execution"]
    costs = [custom_seconds / builtin_seconds - 1 for builtin_seconds, custom_seconds in medians]
    return {
        "backend": engines.current().name,
        "model": model_name,
        "rows": len(x),
        "execution": execution,
        "losses_are_the_same": losses_equal,
        "builtin_seconds_per_epoch": round(statistics.median(builtin_seconds for builtin_seconds, _ in medians), 4),
        "own_seconds_per_epoch": round(statistics.median(custom_seconds for _, custom_seconds in medians), 4),
        "costs_more": round(statistics.median(costs), 3),
        "costs_more_min_max": [round(min(costs), 3), round(max(costs), 3)],
    }


if __name__ == "__main__":
    run(compare, __doc__, rounds=7, epochs=6)
