"""`kerasbridge evaluate`."""

import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kerasbridge.cli.app import app, errors_in_one_line, print_error, spinner
from kerasbridge.cli.evaluation_result import EvaluationResult, compare_with_training, show
from kerasbridge.cli.load_run import SHAPES, load_digits, load_run, probabilities
from kerasbridge.cli.options import Backend, Device, Json, Quiet, RunFolder

if TYPE_CHECKING:
    from kerasbridge.datasets import Dataset
    from kerasbridge.runs import Run


@app.command(epilog="Example: kerasbridge evaluate runs/first --backend torch")
def evaluate(
    run: RunFolder,
    backend: Backend = None,
    device: Device = None,
    data: Annotated[
        str | None, typer.Option(metavar="sample|full|FILE.npz", help="Else the digits that the run was trained on.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score a run on its test digits, on any backend, also another than trained it.

    Prints accuracy, loss and which digits are taken for which, and whether every prediction is the one that was made
    where the run was trained. Leaves a picture of the worst mistakes in the run folder, evaluation.png.
    """
    with errors_in_one_line(quiet):
        from kerasbridge import runs

        digits = _digits_of(runs.load(run), data)
        with spinner("Loading the model …", silent=as_json or quiet):
            found = _evaluated(run, backend, device, digits)
        picture, why_none = _draw(found)
    if as_json:
        print(json.dumps(_result(found, picture)))
    elif not quiet:
        show(found)
        print(why_none or f"The worst mistakes: {picture}")


def _digits_of(run: "Run", data: str | None) -> "Dataset":
    """The digits to score on, and a word where they make the score too good."""
    from kerasbridge import datasets
    from kerasbridge.errors import ArgumentError, RunFolderError

    own = run.config.data.get("name")
    if data is None and not isinstance(own, str):
        if not _looks_like_digits(run.config.data.get("x")):
            raise RunFolderError(
                f"{run.folder} was not trained on digits, which `kerasbridge evaluate` scores models on. "
                f'In Python: kb.evaluate(kb.runs.load("{run.folder}").load_model(), x, y)'
            )
        raise ArgumentError(
            f"{run.folder} does not say which digits it is to be scored on. Type for example --data sample"
        )
    digits = load_digits(str(own) if data is None else data)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        datasets.warn_if_seen(str(own), digits)
    for warning in told:
        print_error(warning.message)
    return digits


def _looks_like_digits(x: Any) -> bool:
    shape = x.get("shape") if isinstance(x, dict) else None
    return isinstance(shape, list) and tuple(shape[1:]) in SHAPES


def _evaluated(folder: Path, backend: str | None, device: str | None, digits: "Dataset") -> EvaluationResult:
    run, model = load_run(folder, backend, device)
    from kerasbridge import engines
    from kerasbridge.evaluation.classification_report import Scores
    from kerasbridge.training import run_recorder

    scores = Scores(digits.y_test, probabilities(model, digits.x_test))
    differs, why_unknown = compare_with_training(run, digits, scores)
    return EvaluationResult(
        run, digits, scores, engines.current().name, run_recorder.device_of(model), differs, why_unknown
    )


def _draw(found: EvaluationResult) -> tuple[Path | None, str | None]:
    """Where the picture is; or why there is none."""
    from kerasbridge.errors import PackageNotInstalled
    from kerasbridge.evaluation import confusion_plot

    right = f"{found.scores.accuracy:.2%} of {found.images:,} right"
    title = f"{found.run.name} on {found.backend}, {found.device}: {right}"
    try:
        return confusion_plot.draw(found.run.folder, found.scores, found.digits.x_test, title), None
    except PackageNotInstalled as missing:
        return None, str(missing)
    except OSError as error:
        return None, f"No picture: {found.run.folder} cannot be written ({error.strerror or error})."


def _result(found: EvaluationResult, picture: Path | None) -> dict[str, Any]:
    return {
        "run_dir": str(found.run.folder), "backend": found.backend, "device": found.device, "images": found.images,
        **found.scores.metrics, "confusion": found.scores.confusion.tolist(),
        "mistakes": [asdict(mistake) for mistake in found.scores.mistakes],
        "differs": None if found.differs is None else [asdict(difference) for difference in found.differs],
        "picture": None if picture is None else str(picture),
    }  # fmt: skip
