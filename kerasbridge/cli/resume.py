"""`kerasbridge train --resume`: continue the run in a folder, and print the command that does."""

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from kerasbridge.runs import Config, Run, RunWriter


def check_resume(run_dir: Path | None, resume: bool, overwrite: bool, checkpoint_every: str) -> bool:
    """Return whether the run in the folder is continued; refuse options that do not go together."""
    from kerasbridge import runs
    from kerasbridge.checkpoint.interval import parse_interval
    from kerasbridge.errors import ArgumentError

    parse_interval(checkpoint_every)
    if resume and overwrite:
        raise ArgumentError(
            "Expected --resume or --overwrite, received both. Leave out --overwrite to continue the run, or --resume "
            "to replace it."
        )
    if resume and run_dir is None:
        raise ArgumentError(
            "Expected --run-dir with --resume, received none. Type for example --run-dir runs/first --resume; "
            "`kerasbridge runs` lists the folders."
        )
    return resume and run_dir is not None and runs.is_run(run_dir)


def open_run(
    run_dir: Path | None, config: "Config", overwrite: bool, is_continued: bool
) -> "contextlib.AbstractContextManager[RunWriter]":
    """Return the run to train: the one in the folder, or a new one."""
    from kerasbridge import runs
    from kerasbridge.runs.folder import BY_COMMAND
    from kerasbridge.training import run_recorder

    if run_dir is None or not is_continued:
        return runs.create(run_dir, config, overwrite)
    run_recorder.check_continuable(run_dir, BY_COMMAND)
    return runs.reopen(run_dir, config)


@contextlib.contextmanager
def command_to_continue(context: typer.Context) -> "Iterator[list[RunWriter]]":
    """Add the command that continues the run to the message of an interruption; the body adds the run to the list."""
    opened: list[RunWriter] = []
    try:
        yield opened
    except (KeyboardInterrupt, SystemExit) as error:
        from kerasbridge.checkpoint import files

        folder = opened[0].folder if opened else context.params["run_dir"]
        is_staged = opened[0].target != folder if opened else context.params["overwrite"]
        if folder is not None and not is_staged and files.exist(folder):
            if not opened:
                error.add_note(f"interrupted before the training began: the run in {folder} is unchanged.")
            error.add_note(f"To continue, type: {_command(context, folder)}")
        raise


def command_of_run(run: "Run", train: Any) -> str | None:
    """Return the command that continues an interrupted run; None if `kb.fit` trained it.

    Args:
        run: the run.
        train: the command that trains.
    """
    if "as_json" not in run.config.arguments:
        return None
    return _line(train, {**run.config.arguments, "run_dir": run.folder, "backend": run.config.backend, **_CONTINUED})


def _command(context: typer.Context, folder: Path) -> str:
    """Return the command that continues the run in a folder, with the options that were given for it."""
    from kerasbridge.runtime import backend, world

    workers = max(context.params["workers"], world.current().size)
    config, given = backend.current(), {**context.params, "run_dir": folder, "workers": workers, **_CONTINUED}
    if config:
        given.update(backend=config.backend, device=None if str(config.device) == "auto" else str(config.device))
    return _line(context.command, given)


def command_words(command: Any, given: Mapping[str, Any]) -> list[str]:
    """Return the words of `train` and of the options whose values are given, without the name of the program."""
    words = ["train"]
    for option in command.params:
        value = given.get(option.name or "")
        if value != option.default and value is not None:
            words += [option.opts[0]] if value is True else [option.opts[0], str(value)]
    return words


_CONTINUED = {"resume": True, "overwrite": False}


def _line(command: Any, given: Mapping[str, Any]) -> str:
    return shlex.join(["kerasbridge", *command_words(command, given)])
