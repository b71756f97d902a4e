"""`kerasbridge train`."""

import importlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from kerasbridge.cli.app import app, errors_in_one_line
from kerasbridge.cli.load_run import load_digits, probabilities, scale
from kerasbridge.cli.options import Backend, Device
from kerasbridge.cli.resume import check_resume, command_to_continue, open_run

if TYPE_CHECKING:
    from kerasbridge.datasets import Dataset
    from kerasbridge.runs import Config, RunWriter

MODELS = ("mlp", "cnn")


@app.command(epilog="Example: kerasbridge train --backend torch --model cnn --epochs 3")
def train(
    context: typer.Context,
    backend: Backend = None,
    device: Device = None,
    model: Annotated[str, typer.Option(metavar="|".join(MODELS), help="The model to train.")] = "mlp",
    data: Annotated[str, typer.Option(metavar="sample|full|FILE.npz", help="The digits to train on.")] = "sample",
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = 5,
    batch_size: Annotated[int, typer.Option(help="Samples per step.")] = 32,
    seed: Annotated[
        int, typer.Option(help="Seed for weights, sample order and dropout, the same on every backend.")
    ] = 0,
    run_dir: Annotated[
        Path | None, typer.Option(help="The run folder; default: runs/<date-time>-<model>-<backend>.", metavar="DIR")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run in the run folder.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run in the run folder; without one there, begin it.")
    ] = False,
    checkpoint_every: Annotated[
        str,
        typer.Option(metavar="INTERVAL", help="Write a checkpoint every 10s, '5 min', '500 steps' or '1 epoch'."),
    ] = "10s",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write TensorBoard logs, in the run folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only errors.")] = False,
) -> None:
    """Train a model, evaluate it and save it in a run folder.

    The folder is created at the start, and locked while the training runs: history.csv and history.jsonl grow with each
    epoch; model.keras, curves.png and the result in config.json are written at the end. Ctrl-C and SIGTERM write a
    checkpoint and print the command that continues the run. With --overwrite the old run is kept until the new one is
    complete, and an interruption keeps it; files that are no part of a run stay. With --tensorboard the losses and
    metrics of each epoch, histograms of the weights and the graph of the model are written to tensorboard/ in the same
    folder.
    """
    arguments = {name: str(value) if isinstance(value, Path) else value for name, value in context.params.items()}
    with errors_in_one_line(quiet), command_to_continue(context) as opened:
        import kerasbridge as kb
        from kerasbridge import checks, runs
        from kerasbridge.runtime import backend as backend_module

        started = datetime.now(UTC)
        _check_options(model, epochs, batch_size, seed, tensorboard)
        is_continued = check_resume(run_dir, resume, overwrite, checkpoint_every)
        backend_module.configure(backend, device)
        digits = load_digits(data)
        checks.check_batch_size(batch_size, len(digits.x_train), strict=True)
        if not is_continued:
            runs.check_writable(run_dir, overwrite)
        options = _TrainingOptions(
            model, digits, epochs, batch_size, seed, tensorboard, checkpoint_every, resume, silent=as_json or quiet
        )
        with kb.seed_everything(seed):
            compiled, config = _compile_model(options, arguments, started, run_dir if is_continued else None)
            with open_run(run_dir, config, overwrite, is_continued) as run:
                opened.append(run)
                config = _train(compiled, options, run)
    if as_json:
        print(json.dumps(_as_dict(run.folder, config, tensorboard)))
    elif not quiet:
        _print_result(run, config, tensorboard)


@dataclass(frozen=True)
class _TrainingOptions:
    """Options of one training run."""

    model: str
    digits: "Dataset"
    epochs: int
    batch_size: int
    seed: int
    tensorboard: bool
    checkpoint_every: str
    resume: bool
    silent: bool


def _check_options(model: str, epochs: int, batch_size: int, seed: int, tensorboard: bool) -> None:
    """Refuse invalid options, before the data is read."""
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
        importlib.import_module("kerasbridge.tensorboard.event_writer")  # raises if a package is missing


def _compile_model(
    options: _TrainingOptions, arguments: dict[str, Any], started: datetime, continued: Path | None
) -> "tuple[Any, Config]":
    """Return the compiled model, and the configuration of the run as far as it is known before training.

    `continued` is the folder of the run that it continues.
    """
    import kerasbridge as kb
    from kerasbridge import engines, runs
    from kerasbridge.training import run_recorder

    backend, digits = engines.current().name, options.digits
    model = getattr(kb.models, options.model)()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, runs.Config(
        arguments=arguments,
        versions=runs.versions(backend),
        backend=backend,
        device=run_recorder.device_of(model),
        seed=options.seed,
        rng="portable",
        data={"name": digits.name, "source": digits.source, "checksum": digits.checksum, "scaling": "x / 255"},
        started=runs.timestamp(started),
        model=options.model,
        epochs=options.epochs,
        fast_paths=sorted(run_recorder.fast_paths_of_run(None, continued, resume=True)),
    )


def _train(model: Any, options: _TrainingOptions, run: "RunWriter") -> "Config":
    """Train the model, score it on the test digits, and complete the run; return its configuration.

    A run that has finished is left as it is.
    """
    import kerasbridge as kb
    from kerasbridge import runs
    from kerasbridge.evaluation.classification_report import Scores
    from kerasbridge.training import run_recorder

    digits, x = options.digits, scale(options.digits.x_train)
    start = time.perf_counter()
    history = kb.fit(
        model,
        x,
        digits.y_train,
        options.batch_size,
        options.epochs,
        verbose=0 if options.silent else "auto",
        callbacks=_tensorboard_callbacks(options, run.target),
        seed=options.seed,
        run_dir=cast(Any, run),
        checkpoint_every=options.checkpoint_every,
        resume=options.resume,
        on_nonfinite="stop",
    )
    seconds = round(time.perf_counter() - start, 3)
    if not run.is_open and "accuracy" in (finished := runs.load(run.folder).config).test:
        return finished
    scores = Scores(digits.y_test, probabilities(model, digits.x_test))
    mistakes = {mistake.index: mistake.predicted for mistake in scores.mistakes}
    execution = run_recorder.execution_info(model, history)
    run.finish(model.save, **execution, test=scores.metrics, mistakes=mistakes, seconds=seconds)
    return run.config


def _tensorboard_callbacks(options: _TrainingOptions, folder: Path) -> list[Any]:
    """Return the Keras callback for TensorBoard if the options include it, and print how to watch the training."""
    from kerasbridge import runs
    from kerasbridge.keras_compat import keras

    if not options.tensorboard:
        return []
    events = folder / runs.EVENTS
    if not options.silent:
        print(f"To watch the training: {runs.tensorboard_command(events)}", flush=True)
    return [keras.callbacks.TensorBoard(events, histogram_freq=1)]


def _print_result(run: "RunWriter", config: "Config", tensorboard: bool) -> None:
    from kerasbridge import runs

    print(f"Test: accuracy {config.test['accuracy']:.4f}, loss {config.test['loss']:.4f}. Saved in {run.folder}")
    if run.without_curves:
        print(run.without_curves)
    if tensorboard:
        print(f"To view the logs: {runs.tensorboard_command(run.folder / runs.EVENTS)}")


def _as_dict(folder: Path, config: "Config", tensorboard: bool) -> Mapping[str, Any]:
    from kerasbridge import runs

    names = ("backend", "device", "seconds", "execution", "execution_reason")
    result = {"run_dir": str(folder), **config.test, **{name: getattr(config, name) for name in names}}
    return {**result, "tensorboard": str(folder / runs.EVENTS)} if tensorboard else result
