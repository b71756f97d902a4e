"""Cost of a part of kerasbridge: the same training with it and without it, in alternation in one process.

    KERAS_BACKEND=torch python -m kerasbridge.benchmark.costs random-numbers --model cnn

The parts are `callbacks` (ModelCheckpoint and TensorBoard once per epoch, EarlyStopping and the progress bar),
`checkpoints` (one after each epoch), `custom-step` (the built-in step, written as a custom step) and `random-numbers`
(compared with constant bits). Two models train from the same weights with the same seed; an epoch of each forms a pair.
The first epoch of a call, which compiles or warms up, does not count.
"""

import argparse
import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.benchmark.contenders.keras_fit import EpochLaps, Terminal
from kerasbridge.benchmark.result import Spread
from kerasbridge.keras_compat import keras
from kerasbridge.random import bits, generator

FEATURES, CLASSES = 784, 10


@contextlib.contextmanager
def common_callbacks() -> Iterator[dict[str, Any]]:
    """Yield arguments of `fit`: files after each epoch, early stopping that never stops, and the progress bar."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(Terminal()):
        callbacks = [
            keras.callbacks.ModelCheckpoint(Path(folder, "{epoch}.keras")),
            keras.callbacks.EarlyStopping("loss", patience=1_000_000, restore_best_weights=True),
            keras.callbacks.TensorBoard(Path(folder, "logs"), update_freq="epoch"),
        ]
        yield {"callbacks": callbacks, "verbose": 1}


@contextlib.contextmanager
def checkpoints() -> Iterator[dict[str, Any]]:
    """Yield arguments of `fit`: a checkpoint after each epoch, in a new run folder."""
    with tempfile.TemporaryDirectory() as folder:
        yield {"run_dir": Path(folder, "run"), "checkpoint_every": "1 epoch"}


@contextlib.contextmanager
def custom_step() -> Iterator[dict[str, Any]]:
    """Yield arguments of `fit`: the step of `kb.fit` as a custom step."""

    def step(model: Any, batch: Any) -> tuple[Any, Any]:
        predictions = model(batch.x, training=True)
        loss = model.compute_loss(batch.x, batch.y, predictions, batch.sample_weight)
        return loss, model.compute_metrics(batch.x, batch.y, predictions, batch.sample_weight)

    yield {"step": step}


@contextlib.contextmanager
def constant_bits() -> Iterator[dict[str, Any]]:
    """Let steps compiled in the body use the same bits for every draw, without computing them."""
    cache: dict[int, np.ndarray[Any, Any]] = {}

    def random_bits(key: Any, count: int) -> Any:
        del key
        if count not in cache:
            cache[count] = generator.random_bits(0, 0, count).view(np.int32)
        return keras.ops.convert_to_tensor(cache[count])

    bits.use_engine_bits(random_bits)
    try:
        yield {}
    finally:
        bits.use_engine_bits(engines.current().random_bits)


PARTS: Mapping[str, tuple[Callable[[], Any], Callable[[], Any]]] = {  # the training with the part, and without it
    "callbacks": (common_callbacks, contextlib.nullcontext),
    "checkpoints": (checkpoints, contextlib.nullcontext),
    "custom-step": (custom_step, contextlib.nullcontext),
    "random-numbers": (contextlib.nullcontext, constant_bits),
}


def digits(name: str, rows: int | None) -> tuple[Any, Any]:
    """Return the first training rows: grey values from 0 to 1, and labels."""
    data = kb.datasets.mnist(name)
    return data.x_train[:rows].astype("float32") / 255, data.y_train[:rows].astype("int32")


def compiled_model(name: str, megabytes: float | None = None) -> keras.Model:
    """Return the MLP or the CNN, compiled as by the command line; or an MLP with weights of so many megabytes."""
    model = getattr(kb.models, name)()
    if megabytes:
        width = round(megabytes * 1e6 / 4 / (FEATURES + CLASSES))
        hidden = [keras.layers.Flatten(), keras.layers.Dense(width, activation="relu"), keras.layers.Dropout(0.2)]
        model = keras.Sequential([keras.Input((28, 28)), *hidden, keras.layers.Dense(CLASSES, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def measure(
    part: str, model: str = "mlp", data: str = "sample", rows: int | None = None, rounds: int = 5, epochs: int = 4,
    megabytes: float | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return the seconds of an epoch with and without a part, and how many times as long it takes with it.

    Args:
        part: a key of `PARTS`.
        model: "mlp" or "cnn".
        data: an argument of `kb.datasets.mnist`.
        rows: the number of training rows.
        rounds: calls of `kb.fit` with the part, and without it.
        epochs: epochs of a call; at least 2, since the first does not count.
        megabytes: the size of the weights; None for that of the model.
    """
    x, y = digits(data, rows)
    models = [compiled_model(model, megabytes) for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    seconds: tuple[list[float], list[float]] = ([], [])
    execution = ""
    losses: list[list[float]] = []
    for seed in range(rounds):
        for each, enter, recorded in zip(models, PARTS[part], seconds, strict=True):
            laps = EpochLaps()
            with enter() as given:
                options = {"verbose": 0, **(given or {})}
                callbacks = [*options.pop("callbacks", ()), laps]
                history = kb.fit(each, x, y, epochs=epochs, seed=seed, callbacks=callbacks, **options)
            recorded += [lap.wall for lap in laps.laps[1:]]
            execution, losses = history.params["execution"], [*losses, history.history["loss"]]
    pairs = list(zip(*seconds, strict=True))
    return {
        "backend": engines.current().name,
        "part": part,
        "model": model,
        "rows": len(x),
        "execution": execution,
        "same_losses": losses[::2] == losses[1::2],
        "seconds_with": _quartiles([with_part for with_part, _ in pairs]),
        "seconds_without": _quartiles([without for _, without in pairs]),
        "costs_milliseconds": _quartiles([1000 * (with_part - without) for with_part, without in pairs]),
        "times_as_long": _quartiles([with_part / without for with_part, without in pairs]),
    }


def _quartiles(samples: list[float]) -> list[float]:
    spread = Spread.of(samples)
    assert spread is not None
    return [round(value, 4) for value in (spread.low, spread.median, spread.high)]


def main() -> None:
    """Print the result as one line of JSON; each quantity as lower quartile, median and upper quartile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=list(PARTS))
    parser.add_argument("--model", default="mlp", choices=["mlp", "cnn"])
    parser.add_argument("--data", default="sample", help="sample, full or a path")
    parser.add_argument("--rows", type=int, help="number of training rows")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--megabytes", type=float, help="size of the weights")
    print(json.dumps(measure(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
