"""Load a run, or a .keras file, whose model takes data of the user's."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasbridge.runs import Run
    from kerasbridge.subjects.forms import Form
    from kerasbridge.subjects.source import Source
    from kerasbridge.subjects.subject import Subject


@dataclass(frozen=True)
class OwnRun:
    """A model of the user's, and how its data was prepared.

    Attributes:
        path: the run folder or the file.
        model: the model, on the backend of this process.
        form: how its data was prepared; None for a .keras file.
        source: where its data came from; None for a .keras file.
        run: the run; None for a .keras file.
        script: what the script returned, if it was called.
    """

    path: Path
    model: Any
    form: "Form | None" = None
    source: "Source | None" = None
    run: "Run | None" = None
    script: "Subject | None" = None


def is_own(path: Path) -> bool:
    """Return whether a path is a run on data of the user's, or a file; False if there is nothing.

    Raises:
        RunFolderError: it is a folder without a run.
    """
    from kerasbridge import runs

    return path.is_file() or (path.is_dir() and has_own_data(runs.load(path)))


def has_own_data(run: "Run") -> bool:
    """Return whether a run was trained on data of the user's, of which it records the form, and not on digits."""
    return "form" in run.config.data


def load(path: Path, backend: str | None, device: str | None, script: str = "") -> OwnRun:
    """Load a run or a .keras file on the chosen backend and device; this imports Keras.

    Args:
        path: the run folder or the file.
        backend, device: as for `kb.use_backend`.
        script: the script that built the model: it is called first, which defines the classes of custom layers. It is
            never taken from the run folder, whose content is not trusted.

    Raises:
        RunFolderError: the folder contains no run, or the run has no model.
        ArgumentError: the file contains no model.
    """
    from kerasbridge import engines, runs
    from kerasbridge.runtime import backend as backend_module
    from kerasbridge.runtime.scripts import check_script

    run = None if path.is_file() else runs.load(path)
    if script:
        check_script(script)
    backend_module.configure(backend, device, "--backend")
    engines.current()
    from kerasbridge.subjects import forms
    from kerasbridge.subjects.load import from_file

    called = call_script(script, run) if script else None
    if run is None:
        return OwnRun(path, from_file(str(path), called.custom_objects if called else None), script=called)
    data = run.config.data
    return OwnRun(
        path, load_model(run, called), forms.from_dict(data.get("form"), path), _source(data, path), run, called
    )


def validation_data(own: OwnRun, data: str, target: str) -> Any:
    """Return the data to score a model on: that of the options, else what the run was validated on, else all of it.

    Raises:
        ArgumentError: the run does not state where its data is.
        DataError: the data cannot be read, or does not fit the model.
    """
    from kerasbridge.errors import ArgumentError
    from kerasbridge.subjects.load import load_data, read_data, split_rows
    from kerasbridge.subjects.subject import Subject

    if data:
        x, y, _, validation = read_data(own.model, data, target, own.form)
        return validation or (x, y)
    if own.source is None or own.run is None:
        raise ArgumentError(f"Expected --data with {own.path}, the data to score it on; received none.")
    missing = [path for path in (own.source.data, own.source.validation) if path and not Path(path).exists()]
    if missing:
        raise ArgumentError(f"Expected the data of {own.path} in {missing[0]}, which does not exist. Type --data FILE.")
    if own.source.data:
        subject = load_data(Subject(own.model), own.source, own.form)
    elif own.script is not None:
        subject = own.script
    else:
        raise ArgumentError(
            f"Expected the script that returns the data of {own.path}. Type --script {own.source.script}, or --data "
            "FILE."
        )
    subject = split_rows(subject, own.source.split, own.run.config.seed or 0)
    return subject.validation if subject.validation is not None else (subject.x, subject.y)


def call_script(script: str, run: "Run | None") -> "Subject":
    """Call the script as in the training: with the same seed.

    Raises:
        ArgumentError: it does not exist, or returns no model.
    """
    from kerasbridge.runtime.scripts import check_script
    from kerasbridge.seeding import seed_everything
    from kerasbridge.subjects import script as scripts

    check_script(script)
    with seed_everything((run and run.config.seed) or 0):
        return scripts.read(script)


def load_model(run: "Run", called: "Subject | None") -> Any:
    """Load the model of a run, with the classes that its script defines.

    Raises:
        RunFileError: it cannot be loaded; the message names the script that the run was trained with, if it has one.
    """
    from kerasbridge.errors import RunFileError

    try:
        return run.load_model(dict(called.custom_objects) if called else None)
    except RunFileError as error:
        recorded = run.config.data.get("source")
        typed = recorded.get("script") if isinstance(recorded, dict) else None
        if called or not typed:
            raise
        raise RunFileError(f"{error} If its layers are defined in a script, type --script {typed}.") from error


def _source(data: dict[str, Any], folder: Path) -> "Source":
    from kerasbridge.errors import RunFileError
    from kerasbridge.files.json_fields import check_fields
    from kerasbridge.subjects.source import Source

    try:
        values = data.get("source")
        if not isinstance(values, dict) or set(values) != {each.name for each in fields(Source)}:
            raise ValueError("it has other fields")
        return Source(**check_fields(Source, values))
    except ValueError as error:
        raise RunFileError(
            f"The source of the data in {folder}/config.json is damaged, {error}: train the run again."
        ) from error
