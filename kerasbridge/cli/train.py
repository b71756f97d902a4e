"""`kerasbridge train`."""

import contextlib
import importlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kerasbridge.cli.app import app, errors_in_one_line

if TYPE_CHECKING:
    from kerasbridge.datasets import Dataset
    from kerasbridge.runs import Config

MODELS = ("mlp", "cnn")
CLASSES = 10
EVALUATION_BATCH_SIZE = 250
"""Divides the test digits of both the sample and the full set, so that one shape of step is compiled."""


@app.command(epilog="Example: kerasbridge train --backend torch --model cnn --epochs 3")
def train(
    context: typer.Context,
    backend: Annotated[str | None, typer.Option(metavar="jax|tensorflow|torch", help="Else KERAS_BACKEND.")] = None,
    device: Annotated[
        str | None, typer.Option(metavar="cpu|gpu|gpu:1|mps|tpu|auto", help="Else KERASBRIDGE_DEVICE, else auto.")
    ] = None,
    model: Annotated[str, typer.Option(metavar="|".join(MODELS), help="The model to train.")] = "mlp",
    data: Annotated[str, typer.Option(metavar="sample|full|FILE.npz", help="The digits to train on.")] = "sample",
    epochs: Annotated[int, typer.Option(help="How often to go through the data.")] = 5,
    batch_size: Annotated[int, typer.Option(help="Samples per step.")] = 32,
    seed: Annotated[int, typer.Option(help="Settles weights, order and dropout, alike on every backend.")] = 0,
    run_dir: Annotated[
        Path | None, typer.Option(help="Where to save; else runs/<date-time>-<model>-<backend>.", metavar="DIR")
    ] = None,
    override: Annotated[bool, typer.Option("--override", help="Replace the run in the run folder.")] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Log for TensorBoard too, in the run folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Train a model, evaluate it, save it in a run folder.

    The folder holds model.keras and config.json, and appears only when both are complete. With --tensorboard the
    losses and metrics of each epoch, histograms of the weights and the model's graph lie beside them, in tensorboard/.
    """
    arguments = {name: str(value) if isinstance(value, Path) else value for name, value in context.params.items()}
    with errors_in_one_line(quiet):
        from kerasbridge import backend as backend_module
        from kerasbridge import runs

        started = datetime.now(UTC)
        _check_options(model, epochs, batch_size, seed, tensorboard)
        name = backend_module.choose(backend, device).backend
        digits = _load(data, batch_size)
        runs.check_writable(run_dir or runs.default_folder(model, name, started), override)
        silent = as_json or quiet
        with _event_folder(tensorboard, silent) as events:
            trained, config = _train(model, digits, epochs, batch_size, seed, arguments, started, silent, events)
            folder = run_dir or runs.default_folder(model, name, started)  # the name may have been taken meanwhile
            with runs.new_folder(folder, override) as new:
                trained.save(new / runs.MODEL)
                if events:
                    shutil.copytree(events, new / runs.EVENTS)
                config.write(new)
    if as_json:
        print(json.dumps(_result(folder, config, tensorboard)))
    elif not quiet:
        print(f"Test: accuracy {config.test['accuracy']:.4f}, loss {config.test['loss']:.4f}. Saved in {folder}")
        if tensorboard:
            print(f"To look at it: {runs.line_to_look(folder / runs.EVENTS)}")


@contextlib.contextmanager
def _event_folder(wanted: bool, silent: bool) -> Iterator[Path | None]:
    """Where TensorBoard's files lie until the run folder takes them over: they can be looked at meanwhile."""
    from kerasbridge import runs

    if not wanted:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as holder:
        folder = Path(holder, runs.EVENTS)
        folder.mkdir()
        if not silent:
            print(f"To look at it while it trains: {runs.line_to_look(folder)}", flush=True)
        yield folder


def _check_options(model: str, epochs: int, batch_size: int, seed: int, tensorboard: bool) -> None:
    """What can be said without looking at the data."""
    from kerasbridge import checks
    from kerasbridge.errors import ArgumentError

    if model not in MODELS:
        raise ArgumentError(
            f"Expected a model {' or '.join(MODELS)}, received {model!r}. Type for example --model cnn."
        )
    checks.check_epochs(epochs)
    checks.check_batch_size(batch_size, 1)
    checks.check_seed(seed)
    if tensorboard:
        importlib.import_module("kerasbridge.event_files")  # says what to type where a package is missing


def _load(data: str, batch_size: int) -> "Dataset":
    """The digits, as the models take them."""
    from kerasbridge import checks, datasets
    from kerasbridge.errors import DataError

    digits = datasets.mnist(data)
    for part, x, y in (("train", digits.x_train, digits.y_train), ("test", digits.x_test, digits.y_test)):
        if x.shape[1:] not in ((28, 28), (28, 28, 1)):
            raise DataError(
                f"{data}: x_{part} holds images of shape {x.shape[1:]}, the models take grey images of 28x28 pixels: "
                "bring them to shape (samples, 28, 28)."
            )
        checks.check_labels(y, CLASSES, name=f"y_{part}")
    checks.check_batch_size(batch_size, len(digits.x_train), strict=True)
    return digits


def _train(
    model_name: str, digits: "Dataset", epochs: int, batch_size: int, seed: int, arguments: dict[str, Any],
    started: datetime, silent: bool, events: Path | None,
) -> "tuple[Any, Config]":  # fmt: skip
    """The trained model, and how it came about."""
    import kerasbridge as kb
    from kerasbridge import engines, runs
    from kerasbridge._keras import keras

    build = getattr(kb.models, model_name)
    engine = engines.current()
    kb.seed_everything(seed)
    model = build()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    callbacks = [keras.callbacks.TensorBoard(events, histogram_freq=1)] if events else []
    verbose = 0 if silent else "auto"
    clock = time.perf_counter()
    history = kb.fit(model, _scaled(digits.x_train), digits.y_train, batch_size, epochs, verbose, callbacks, seed=seed)
    seconds = time.perf_counter() - clock
    test = kb.evaluate(model, _scaled(digits.x_test), digits.y_test, EVALUATION_BATCH_SIZE, verbose=0, return_dict=True)
    ran = {name: history.params[name] for name in ("backend", "seed", "rng", "execution", "execution_reason")}
    return model, runs.Config(
        **ran, arguments=arguments, versions=runs.versions(engine.name),
        device=engine.device_of(model.variables[0].value), data=_described(digits), history=history.history,
        test=test, seconds=round(seconds, 3), started=_iso(started), finished=_iso(datetime.now(UTC)),
    )  # fmt: skip


def _scaled(images: Any) -> Any:
    """Grey levels from 0 to 1, float32, without a dimension for the one channel."""
    return images.reshape(-1, 28, 28).astype("float32") / 255


def _described(digits: "Dataset") -> dict[str, str]:
    return {"name": digits.name, "source": digits.source, "checksum": digits.checksum, "scaling": "x / 255"}


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _result(folder: Path, config: "Config", tensorboard: bool) -> Mapping[str, Any]:
    from kerasbridge import runs

    names = ("backend", "device", "seconds", "execution", "execution_reason")
    result = {"run_dir": str(folder), **config.test, **{name: getattr(config, name) for name in names}}
    return {**result, "tensorboard": str(folder / runs.EVENTS)} if tensorboard else result
