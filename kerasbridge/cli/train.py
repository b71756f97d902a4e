"""`kerasbridge train`."""

import contextlib
import importlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from kerasbridge.cli.app import app, errors_in_one_line, spinner
from kerasbridge.cli.options import Backend, Device, Script, Target
from kerasbridge.cli.resume import check_resume, command_to_continue, command_words, open_run
from kerasbridge.cli.training import DigitsTraining, Training, choose

if TYPE_CHECKING:
    from kerasbridge.runs import Config, RunWriter
    from kerasbridge.subjects.subject import Subject

BATCH_SIZE = 32
_RUN_OF_WORKER_0 = "the folder of worker 0"


@app.command(epilog="Example: kerasbridge train --backend torch --model cnn --epochs 3")
def train(
    context: typer.Context,
    backend: Backend = None,
    device: Device = None,
    model: Annotated[str, typer.Option(metavar="mlp|cnn|FILE.keras", help="The model to train.")] = "mlp",
    script: Script = "",
    data: Annotated[
        str,
        typer.Option(
            metavar="sample|full|FILE|FOLDER",
            help="Digits, or data for a model of yours: FILE.csv, FILE.npz or a folder of images. Default: the sample, "
            "or the data of the script.",
        ),
    ] = "",
    target: Target = "",
    validation: Annotated[
        str, typer.Option(metavar="FILE|FOLDER", help="Data of the same kind to validate on after each epoch.")
    ] = "",
    validation_split: Annotated[
        float | None,
        typer.Option(
            metavar="FRACTION",
            help="Set aside this fraction of the rows to validate on. Default: 0.2 of a file or folder, 0 of what a "
            "script returns.",
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = 5,
    batch_size: Annotated[
        int | None, typer.Option(help="Samples per step. Default: that of the script, or 32.")
    ] = None,
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
    workers: Annotated[
        int, typer.Option(help="Processes that train together; the numbers are those of one, up to rounding.")
    ] = 1,
    address: Annotated[str, typer.Option(metavar="auto|HOST:PORT", help="Start the workers on this Ray cluster.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only errors.")] = False,
) -> None:
    """Train a model, evaluate it and save it in a run folder.

    By default a small model on digits. To train yours: --script names a function that returns the model, with or
    without its data; --model names a .keras file. Of a table, --target names the column to predict. A folder of images
    contains a folder per class. Columns, categories, classes and the size of images are recorded in the run, so that
    evaluate and predict prepare other data in the same way.

    The folder is created at the start, and locked while the training runs: history.csv and history.jsonl grow with each
    epoch; model.keras, curves.png and the result in config.json are written at the end. Ctrl-C and SIGTERM write a
    checkpoint and print the command that continues the run. With --overwrite the old run is kept until the new one is
    complete, and an interruption keeps it; files that are no part of a run stay. With --tensorboard the losses and
    metrics of each epoch, histograms of the weights and the graph of the model are written to tensorboard/ in the same
    folder.

    With --workers the launcher of torch starts them on this machine, or Ray where torch is not installed; with
    --address Ray starts them on a cluster, whose machines all see the run folder and the data.
    """
    arguments = {name: str(value) if isinstance(value, Path) else value for name, value in context.params.items()}
    with errors_in_one_line(quiet), command_to_continue(context) as opened:
        import kerasbridge as kb
        from kerasbridge import checks, runs
        from kerasbridge.cli.workers import must_launch
        from kerasbridge.runtime import backend as backend_module
        from kerasbridge.runtime import world

        started = datetime.now(UTC)
        _check_options(epochs, batch_size, seed, tensorboard)
        launches, leads = must_launch(workers, address), world.current().is_first
        arguments["workers"] = max(workers, world.current().size)
        is_continued = check_resume(run_dir, resume, overwrite, checkpoint_every)
        backend_module.configure(backend, device, "--backend")
        training = choose(model, script, data, target, validation, validation_split)
        if isinstance(training, DigitsTraining):
            checks.check_batch_size(batch_size or BATCH_SIZE, len(training.digits.x_train), strict=True)
        if not is_continued and leads:
            runs.check_writable(run_dir, overwrite)
        if launches:
            _launch(context, training)
            return
        silent = as_json or quiet or not leads
        options = _TrainingOptions(training, epochs, batch_size, seed, tensorboard, checkpoint_every, resume, silent)
        with kb.seed_everything(seed):
            subject, config = _load(options, arguments, started, run_dir if is_continued else None)
            with open_run(run_dir, config, overwrite, is_continued) if leads else contextlib.nullcontext() as run:
                opened += [run] if run else []
                config = _train(subject, options, run) or config
    if run is None:  # of another worker
        return
    if as_json:
        print(json.dumps(_as_dict(run.folder, config, tensorboard)))
    elif not quiet:
        _print_result(run, config, tensorboard)


@dataclass(frozen=True)
class _TrainingOptions:
    """Options of one training run."""

    training: Training
    epochs: int
    batch_size: int | None
    seed: int
    tensorboard: bool
    checkpoint_every: str
    resume: bool
    silent: bool


def _launch(context: typer.Context, training: Training) -> None:
    """Start this command in several processes; with --json, print the result when they have ended."""
    from kerasbridge import runs
    from kerasbridge.cli import workers
    from kerasbridge.runtime import backend

    given = context.params
    words = {**given, "workers": 1, "address": ""}
    if not workers.uses_ray(given["address"]):
        workers.launch_here(command_words(context.command, words), given["workers"])
        return
    folder = given["run_dir"] or workers.default_run_dir(training.name, backend.configure().backend)
    words.update(run_dir=folder.absolute(), as_json=False, quiet=given["quiet"] or given["as_json"], device=None)
    workers.launch_on_ray(command_words(context.command, words), given["workers"], given["address"])
    if given["as_json"]:
        print(json.dumps(_as_dict(folder, runs.load(folder).config, given["tensorboard"])))


def _check_options(epochs: int, batch_size: int | None, seed: int, tensorboard: bool) -> None:
    """Refuse invalid options, before the data is read."""
    from kerasbridge import checks

    checks.check_epochs(epochs)
    if batch_size is not None:
        checks.check_batch_size(batch_size, 1)
    checks.check_seed(seed)
    if tensorboard:
        importlib.import_module("kerasbridge.tensorboard.event_writer")  # raises if a package is missing


def _load(
    options: _TrainingOptions, arguments: dict[str, Any], started: datetime, continued: Path | None
) -> "tuple[Subject, Config]":
    """Return the model with its data, and the configuration of the run as far as it is known before training.

    `continued` is the folder of the run that it continues.
    """
    from kerasbridge import engines, runs
    from kerasbridge.training import run_recorder
    from kerasbridge.training.workers import Workers

    engine = engines.current()
    with spinner("Loading the model and the data …", options.silent):
        subject = options.training.load(options.seed)
    if not options.silent and not isinstance(options.training, DigitsTraining):
        print(subject.summary, flush=True)
    device = run_recorder.device_of(subject.model)
    return subject, runs.Config(
        arguments=arguments,
        versions=runs.versions(engine.name),
        backend=engine.name,
        device=device,
        seed=options.seed,
        rng="portable",
        data=options.training.record(subject),
        started=runs.timestamp(started),
        model=options.training.name,
        epochs=options.epochs,
        workers=engine.world.size,
        devices=Workers(engine).gather(device),
        fast_paths=sorted(run_recorder.fast_paths_of_run(None, continued, resume=True)),
    )


def _train(subject: "Subject", options: _TrainingOptions, run: "RunWriter | None") -> "Config | None":
    """Train the model, score it, and complete the run; return its configuration.

    A run that has finished is left as it is. Without a run, help worker 0 with its own, and return None.
    """
    import kerasbridge as kb
    from kerasbridge import engines
    from kerasbridge.training import run_recorder
    from kerasbridge.training.workers import Workers

    start = time.perf_counter()
    batch_size = options.batch_size or subject.batch_size or BATCH_SIZE
    history = kb.fit(
        subject.model,
        subject.x,
        subject.y,
        batch_size,
        options.epochs,
        verbose=0 if options.silent else "auto",
        callbacks=[*subject.callbacks, *_tensorboard_callbacks(options, run.target)] if run else None,
        validation_data=subject.validation,
        seed=options.seed,
        run_dir=cast(Any, run or _RUN_OF_WORKER_0),
        checkpoint_every=options.checkpoint_every,
        resume=options.resume,
        on_nonfinite="stop",
    )
    seconds = round(time.perf_counter() - start, 3)
    finished = _finished(subject, options, run) if run else None
    if Workers(engines.current()).agree(finished is not None):
        return finished
    scores, mistakes = options.training.score(subject, batch_size)
    if run is None:
        return None
    results = {**run_recorder.execution_info(subject.model, history), options.training.scored_on: scores}
    run.finish(subject.model.save, **results, mistakes=mistakes, seconds=seconds)
    return run.config


def _finished(subject: "Subject", options: _TrainingOptions, run: "RunWriter") -> "Config | None":
    """Return the configuration of a run that had finished and been scored before; None for another one."""
    from kerasbridge import runs

    if run.is_open:
        return None
    config = runs.load(run.folder).config
    is_scored = getattr(config, options.training.scored_on) or (config.finished and subject.validation is None)
    return config if is_scored else None


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
    from kerasbridge.runs.reader import scores_of

    scores, scored_on = scores_of(config, {})
    first = [name for name in ("accuracy", "loss") if name in scores]
    listed = ", ".join(f"{name} {scores[name]:.4f}" for name in dict.fromkeys([*first, *scores]))
    print(f"{scored_on.capitalize()}: {listed}. Saved in {run.folder}" if scored_on else f"Saved in {run.folder}")
    if run.without_curves:
        print(run.without_curves)
    if tensorboard:
        print(f"To view the logs: {runs.tensorboard_command(run.folder / runs.EVENTS)}")


def _as_dict(folder: Path, config: "Config", tensorboard: bool) -> Mapping[str, Any]:
    from kerasbridge import runs
    from kerasbridge.runs.reader import scores_of

    names = ("backend", "device", "seconds", "execution", "execution_reason")
    result = {"run_dir": str(folder), **scores_of(config, {})[0], **{name: getattr(config, name) for name in names}}
    return {**result, "tensorboard": str(folder / runs.EVENTS)} if tensorboard else result
