"""The two kinds of training of `kerasbridge train`: of digits, and of a model and data of the user's."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kerasbridge.cli.load_run import load_digits, probabilities, scale, takes_digits

if TYPE_CHECKING:
    from kerasbridge.subjects.source import Source
    from kerasbridge.subjects.subject import Subject


class Training(Protocol):
    """A model and its data: loaded, described in the run folder, and scored at the end."""

    scored_on: str
    """The field of the configuration for the scores: "test" or "validation"."""

    @property
    def name(self) -> str:
        """The name of the model, for the folder of the run."""

    def load(self, seed: int) -> "Subject":
        """Load the model and its data, after the backend is chosen and everything is seeded."""

    def record(self, subject: "Subject") -> dict[str, Any]:
        """Return what the run folder records about the data."""

    def score(self, subject: "Subject", batch_size: int) -> tuple[dict[str, float], dict[int, int] | None]:
        """Return loss and metrics on the data to score on, and the rows that were predicted wrongly."""


def choose(model: str, script: str, data: str, target: str, validation: str, split: float | None) -> Training:
    """Return what the options of `kerasbridge train` name.

    Raises:
        ArgumentError, DataError: an option is invalid.
    """
    from kerasbridge.errors import ArgumentError
    from kerasbridge.subjects.source import DIGITS, MODELS, Source

    is_own_data = bool(script or target or validation or split is not None)
    if model in MODELS and not script:
        suffix = Path(data).suffix.lower()
        if is_own_data or suffix == ".csv" or (data and Path(data).is_dir()):
            raise ArgumentError(
                f"Expected a model for {data or 'data of yours'}: {' and '.join(MODELS)} take digits. Type --model "
                "FILE.keras or --script FILE.py:FUNCTION."
            )
        return DigitsTraining(model, data or DIGITS[0])
    if model == MODELS[0]:
        model = ""
    if data in DIGITS or (not data and not script):
        source = Source(model, script, target=target)
        source.check()
        return DigitsTraining(model, data or DIGITS[0], source)
    source = Source(model, script, data, target, validation, split)
    source.check()
    return OwnTraining(source)


class DigitsTraining:
    """Train a model on digits; it is tested on the test digits.

    Args:
        model: "mlp", "cnn" or the path of a .keras file.
        data: as for `kb.datasets.mnist`.
        source: the model, if it is one of the user's.
    """

    scored_on = "test"

    def __init__(self, model: str, data: str, source: "Source | None" = None) -> None:
        self._model, self._source = model, source
        self.digits = load_digits(data)

    @property
    def name(self) -> str:
        """The name of the model."""
        return self._source.name if self._source else self._model

    def load(self, seed: int) -> "Subject":
        """Load the model, and scale the digits."""
        import kerasbridge as kb
        from kerasbridge.errors import ArgumentError
        from kerasbridge.subjects.load import load_model
        from kerasbridge.subjects.subject import Subject

        x, y = self.digits.x_train, self.digits.y_train
        if self._source is None:
            model = getattr(kb.models, self._model)()
            model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
            return Subject(model, scale(x), y)
        model = load_model(self._source).model
        if not takes_digits(model):
            raise ArgumentError(
                f"Expected --data for {self._source.script or self._model}, which does not take digits: a table "
                "(.csv), arrays (.npz) or a folder of images."
            )
        return Subject(model, scale(x, model.input_shape[1:]), y)

    def record(self, subject: "Subject") -> dict[str, Any]:
        """Return name, source, checksum and scaling of the digits."""
        digits = self.digits
        return {"name": digits.name, "source": digits.source, "checksum": digits.checksum, "scaling": "x / 255"}

    def score(self, subject: "Subject", batch_size: int) -> tuple[dict[str, float], dict[int, int] | None]:
        """Score the model on the test digits."""
        from kerasbridge.evaluation.classification_report import Scores

        scores = Scores(self.digits.y_test, probabilities(subject.model, self.digits.x_test))
        return scores.metrics, {mistake.index: mistake.predicted for mistake in scores.mistakes}


class OwnTraining:
    """Train a model of the user's on data of theirs; it is scored on the validation data."""

    scored_on = "validation"

    def __init__(self, source: "Source") -> None:
        self.source = source

    @property
    def name(self) -> str:
        """The name of the script or of the file of the model."""
        return self.source.name

    def load(self, seed: int) -> "Subject":
        """Load the model and the data, and check that it can be trained and saved."""
        from kerasbridge.errors import ArgumentError
        from kerasbridge.subjects.load import load
        from kerasbridge.training import run_recorder

        subject = load(self.source, seed)
        where = self.source.script or self.source.model
        if subject.x is None:
            raise ArgumentError(
                f"Expected data for {where}, received none. Type --data FILE, or return (model, x, y) from a script."
            )
        if not subject.model.compiled:
            raise ArgumentError(f'Expected {where} to be compiled. Call model.compile("adam", loss=…) first.')
        run_recorder.check_serializable(subject.model)
        return subject

    def record(self, subject: "Subject") -> dict[str, Any]:
        """Return where the data came from, its form, and a checksum of the data to validate on.

        With the form, other data is prepared in the same way.
        """
        from kerasbridge.subjects.scoring import checksum

        return {
            "source": asdict(self.source.absolute()),
            "form": subject.form.as_dict(),
            "checksum": checksum(subject.validation),
        }

    def score(self, subject: "Subject", batch_size: int) -> tuple[dict[str, float], dict[int, int] | None]:
        """Score the model on the validation data; without any, return nothing."""
        from kerasbridge.subjects.scoring import score

        if subject.validation is None:
            return {}, None
        evaluation = score(subject.model, subject.validation, batch_size)
        return evaluation.metrics, evaluation.mistakes
