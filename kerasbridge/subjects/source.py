"""The options that name a model of the user's and its data; they are checked before anything is loaded."""

from dataclasses import dataclass
from pathlib import Path

from kerasbridge.errors import ArgumentError
from kerasbridge.runtime.scripts import check_script

MODELS = ("mlp", "cnn")
"""The models of digits that come with kerasbridge."""

DIGITS = ("sample", "full")
TABLES = (".csv", ".tsv")
ARRAYS = (".npz", ".npy")
DEFAULT_SPLIT = 0.2
"""The fraction of a file of data that is set aside to validate on, by default."""


@dataclass(frozen=True)
class Source:
    """A model and its data, as they are typed.

    Attributes:
        model: the path of a .keras file; "" if a script builds the model.
        script: "train.py:build", a function without arguments; see `script.read`.
        data: an .npz, .npy, .csv or .tsv file, or a folder of images; "" for the data that the script returns.
        target: the column of the table, or the array of the .npz file, that the model predicts.
        validation: data of the same kind to validate on.
        validation_split: the fraction of the rows that is set aside instead, chosen by the seed; None for a fifth of a
            file or folder, and nothing of what a script returns.
    """

    model: str = ""
    script: str = ""
    data: str = ""
    target: str = ""
    validation: str = ""
    validation_split: float | None = None

    def check(self) -> None:
        """Check that the files exist and the options go together.

        Raises:
            ArgumentError: in one sentence, with what to type.
        """
        if self.script and self.model:
            raise ArgumentError("Expected --model or --script, received both. Leave one of them out.")
        if self.script:
            check_script(self.script)
        elif not Path(self.model).is_file():
            raise ArgumentError(
                f"Expected a model {', '.join(MODELS)} or the path of a .keras file, received {self.model!r}, which is "
                "not a file."
            )
        for path in filter(None, (self.data, self.validation)):
            kind = kind_of(path)
            if kind == "images" and self.target:
                raise ArgumentError(
                    f"Expected --target with a table or an .npz file, received {self.target!r} with the folder {path}, "
                    "whose folders are the classes. Leave --target out."
                )
        if self.target and not self.data:
            raise ArgumentError("Expected --data with --target, received none. Type for example --data table.csv.")
        self._check_validation()

    def _check_validation(self) -> None:
        split = self.validation_split
        if split is not None and not 0 <= split < 1:
            raise ArgumentError(
                f"Expected --validation-split to be from 0 up to, but not including, 1; received {split}."
            )
        if self.validation and split:
            raise ArgumentError("Expected --validation or --validation-split, received both. Leave one of them out.")
        if self.validation and not self.data:
            raise ArgumentError(
                "Expected --data with --validation, received none. A script returns its validation data with the rest: "
                "(model, x, y, (x_val, y_val))."
            )
        if self.validation and kind_of(self.validation) != kind_of(self.data):
            raise ArgumentError(
                f"Expected --validation to be data of the same kind as {self.data}, received {self.validation}."
            )

    @property
    def name(self) -> str:
        """The name of the model, for the folder of a run."""
        return Path(self.script.rpartition(":")[0] or self.model).stem

    @property
    def split(self) -> float:
        """The fraction of the rows that is set aside."""
        if self.validation_split is not None:
            return self.validation_split
        return DEFAULT_SPLIT if self.data and not self.validation else 0.0

    def absolute(self) -> "Source":
        """Return the source with absolute paths, which a run folder records."""
        script, _, function = self.script.rpartition(":")
        return Source(
            _absolute(self.model),
            f"{_absolute(script)}:{function}" if self.script else "",
            _absolute(self.data),
            self.target,
            _absolute(self.validation),
            self.validation_split,
        )


def kind_of(path: str) -> str:
    """Return the kind of a file or folder of data: "table", "images" or "arrays".

    Raises:
        ArgumentError: there is no such file, or its name has another suffix.
    """
    place = Path(path)
    if place.is_dir():
        return "images"
    suffix = place.suffix.lower()
    kind = "table" if suffix in TABLES else "arrays" if suffix in ARRAYS else ""
    if not kind:
        raise ArgumentError(
            f"Expected --data to be a table (.csv), arrays (.npz) or a folder of images, received {path!r}"
            f"{'' if place.exists() else ', which does not exist'}."
        )
    if not place.exists():
        raise ArgumentError(f"There is no file {path}: expected {'a table' if kind == 'table' else 'arrays'} there.")
    return kind


def _absolute(path: str) -> str:
    return str(Path(path).resolve()) if path else ""
