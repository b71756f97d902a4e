"""What a step of one's own costs beside the built-in one: the built-in step, written as one's own, in the same process.

    KERAS_BACKEND=torch python -m kerasbridge.benchmark.custom_step_cost --data mnist.npz

Both train the same model from the same weights with the same seed, an epoch of either in turn; their losses have to be
the same, bit for bit. The first epoch of a call does not count.
"""

import statistics
from typing import Any

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.benchmark.epochs import Stopwatch, compiled_model, digits, run


def builtin_step(model: Any, batch: Any) -> tuple[Any, Any]:
    """What `kb.fit` does by itself."""
    predictions = model(batch.x, training=True)
    loss = model.compute_loss(batch.x, batch.y, predictions, batch.sample_weight)
    return loss, model.compute_metrics(batch.x, batch.y, predictions, batch.sample_weight)


def compare(model_name: str, data_name: str, rounds: int, epochs: int, rows: int | None) -> dict[str, Any]:
    """How much longer an epoch takes, median, least and most of the rounds, and whether the losses are the same.

    The arguments are those of `epochs.compare`.
    """
    x, y = digits(data_name, rows)
    builtin, own = (compiled_model(model_name) for _ in range(2))
    own.set_weights(builtin.get_weights())
    medians, same, execution = [], True, ""
    for seed in range(rounds):
        by_itself, written = Stopwatch(), Stopwatch()
        expected = kb.fit(builtin, x, y, epochs=epochs, verbose=0, callbacks=[by_itself], seed=seed)
        history = kb.fit(own, x, y, epochs=epochs, verbose=0, callbacks=[written], seed=seed, step=builtin_step)
        medians.append((statistics.median(by_itself.seconds), statistics.median(written.seconds)))
        same, execution = same and history.history == expected.history, history.params["execution"]
    costs = [mine / theirs - 1 for theirs, mine in medians]
    return {
        "backend": engines.current().name,
        "model": model_name,
        "rows": len(x),
        "execution": execution,
        "losses_are_the_same": same,
        "builtin_seconds_per_epoch": round(statistics.median(theirs for theirs, _ in medians), 4),
        "own_seconds_per_epoch": round(statistics.median(mine for _, mine in medians), 4),
        "costs_more": round(statistics.median(costs), 3),
        "costs_more_min_max": [round(min(costs), 3), round(max(costs), 3)],
    }


if __name__ == "__main__":
    run(compare, __doc__, rounds=7, epochs=6)
