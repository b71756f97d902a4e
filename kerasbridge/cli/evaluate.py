"""`kerasbridge evaluate`."""

import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kerasbridge.cli import evaluate_own
from kerasbridge.cli.app import app, errors_in_one_line, print_error, spinner
from kerasbridge.cli.evaluation_result import EvaluationResult, compare_with_training, show
from kerasbridge.cli.load_run import SHAPES, load_digits, load_run, probabilities
from kerasbridge.cli.options import Backend, Device, Json, Quiet, RunOrFile, RunScript, Target
from kerasbridge.cli.own_run import is_own

if TYPE_CHECKING:
    from kerasbridge.datasets import Dataset
    from kerasbridge.runs import Run


@app.command(epilog="Example: kerasbridge evaluate runs/first --backend torch")
def evaluate(
    run: RunOrFile,
    backend: Backend = None,
    device: Device = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="sample|full|FILE|FOLDER", help="Default: the test digits, or the validation data, of the run."
        ),
    ] = None,
    target: Target = "",
    script: RunScript = "",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score a run on its test data, on any backend.

    Prints loss, metrics and the confusion matrix of a classifier, and whether every prediction is the same as on the
    backend that trained the run; of a regression MAE, RMSE and R², and a few rows with target and prediction. Of
    digits, saves a picture of the worst mistakes in the run folder, evaluation.png. A run on a table, images or arrays
    of yours is scored on its validation data, or on --data, prepared as in the training; a .keras file on --data.
    """
    with errors_in_one_line(quiet):
        from kerasbridge import runs

        if is_own(run):
            with spinner("Loading the model …", silent=as_json or quiet):
                own = evaluate_own.evaluate(run, backend, device, data or "", target, script)
            if as_json:
                print(json.dumps(own.as_dict()))
            elif not quiet:
                evaluate_own.show(own)
            return
        digits = _load_digits_for(runs.load(run), data)
        with spinner("Loading the model …", silent=as_json or quiet):
            result = _evaluate(run, backend, device, digits)
        picture, no_picture_reason = _draw(result)
    if as_json:
        print(json.dumps(_as_dict(result, picture)))
    elif not quiet:
        show(result)
        print(no_picture_reason or f"The worst mistakes: {picture}")


def _load_digits_for(run: "Run", data: str | None) -> "Dataset":
    """Load the digits to score on; print a warning if the model was trained on them."""
    from kerasbridge import datasets
    from kerasbridge.errors import ArgumentError, RunFolderError

    trained_on = run.config.data.get("name")
    if data is None and not isinstance(trained_on, str):
        if not _looks_like_digits(run.config.data.get("x")):
            raise RunFolderError(
                f"{run.folder} was not trained on digits, which `kerasbridge evaluate` scores models on. "
                f'In Python: kb.evaluate(kb.runs.load("{run.folder}").load_model(), x, y)'
            )
        raise ArgumentError(f"{run.folder} does not name the digits to score it on. Type for example --data sample")
    digits = load_digits(str(trained_on) if data is None else data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        datasets.warn_if_seen(str(trained_on), digits)
    for warning in caught:
        print_error(warning.message)
    return digits


def _looks_like_digits(x: Any) -> bool:
    shape = x.get("shape") if isinstance(x, dict) else None
    return isinstance(shape, list) and tuple(shape[1:]) in SHAPES


def _evaluate(folder: Path, backend: str | None, device: str | None, digits: "Dataset") -> EvaluationResult:
    run, model = load_run(folder, backend, device)
    from kerasbridge import engines
    from kerasbridge.evaluation.classification_report import Scores
    from kerasbridge.training import run_recorder

    scores = Scores(digits.y_test, probabilities(model, digits.x_test))
    differs, why_unknown = compare_with_training(run, digits, scores)
    return EvaluationResult(
        run, digits, scores, engines.current().name, run_recorder.device_of(model), differs, why_unknown
    )


def _draw(result: EvaluationResult) -> tuple[Path | None, str | None]:
    """Return the path of the picture, or None and the reason why it cannot be drawn."""
    from kerasbridge.errors import PackageNotInstalled, RunFolderError
    from kerasbridge.evaluation import confusion_plot

    accuracy = f"{result.scores.accuracy:.2%} of {result.images:,} right"
    title = f"{result.run.name} on {result.backend}, {result.device}: {accuracy}"
    try:
        return confusion_plot.draw(result.run.folder, result.scores, result.digits.x_test, title), None
    except PackageNotInstalled as missing:
        return None, str(missing)
    except RunFolderError as error:
        return None, f"No picture: {error}"
    except OSError as error:
        return None, f"No picture: {result.run.folder} cannot be written ({error.strerror or error})."


def _as_dict(result: EvaluationResult, picture: Path | None) -> dict[str, Any]:
    return {
        "run_dir": str(result.run.folder),
        "backend": result.backend,
        "device": result.device,
        "images": result.images,
        **result.scores.metrics,
        "confusion": result.scores.confusion.tolist(),
        "mistakes": [asdict(mistake) for mistake in result.scores.mistakes],
        "differs": None if result.differs is None else [asdict(difference) for difference in result.differs],
        "picture": None if picture is None else str(picture),
    }
