"""The job of a child process, passed as JSON."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from kerasbridge import checks
from kerasbridge.errors import ArgumentError
from kerasbridge.subjects.source import DIGITS, MODELS, Source, kind_of

DTYPES = ("float32", "float64")
_TEXTS = {
    "model": '"mlp", "cnn" or the path of a .keras file, which each backend loads',
    "script": 'a file and a function in it, such as "train.py:build"',
    "data": '"sample", "full" or the path of an .npz or .csv file or of a folder of images',
    "target": "the name of a column or array",
}


@dataclass(frozen=True)
class Job:
    """A model, its data and the settings of the training, the same for every backend.

    Attributes:
        model: "mlp", "cnn", the path of a .keras file, or "" if a script builds the model.
        script: "train.py:build", a function without arguments that returns a compiled model, with or without data.
        data: "sample", "full", or an .npz file with `x` and `y`, or with `x_train` and `y_train`, a .csv file, or a
            folder of images. "" uses the data of the script, the MNIST sample if the model takes MNIST images,
            otherwise synthetic data of the model's shapes.
        target: of a .csv file the column, of an .npz file the array that the model predicts.
        dtype: "float32" or "float64".
        correct_leaks: in float64, correct what Keras computes in float32 nevertheless (`float64_fixes.py`).
        seed: determines initial weights, order of rows, random layers and synthetic data.
        epochs, batch_size: as for `fit`.
        rows: use at most this many rows of the data; None for all.
    """

    model: str = "mlp"
    script: str = ""
    data: str = ""
    target: str = ""
    dtype: str = "float32"
    correct_leaks: bool = False
    seed: int = 0
    epochs: int = 1
    batch_size: int = 32
    rows: int | None = None

    def check(self) -> None:
        """Check the settings.

        Raises:
            ArgumentError: a setting is invalid; the message names it.
        """
        if self.dtype not in DTYPES:
            raise ArgumentError(f"Expected dtype float32 or float64, received {self.dtype!r}.")
        if self.correct_leaks and self.dtype != "float64":
            raise ArgumentError("Expected correct_leaks with float64 only. Add --dtype float64.")
        checks.check_seed(self.seed)
        for name in ("epochs", "batch_size", "rows"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ArgumentError(f"Expected {name} to be at least 1, received {value!r}.")
        if self.model not in MODELS or self.script:
            self.source.check()
        elif self.data not in ("", *DIGITS) and (self.target or kind_of(self.data) != "arrays"):
            raise ArgumentError(
                f"Expected a model for {self.data}: {' and '.join(MODELS)} take digits. Pass a .keras file or a script."
            )

    @property
    def source(self) -> Source:
        """The model and the file of the data, if they are the user's."""
        model = "" if self.script else self.model
        return Source(model, self.script, "" if self.data in DIGITS else self.data, self.target)

    @property
    def precision(self) -> str:
        """The narrowest dtype to which numbers are rounded in the computation."""
        return "float64" if self.correct_leaks else "float32"

    @property
    def subject(self) -> str:
        """The name of the model or script."""
        return self.script or self.model

    def write(self, path: Path) -> None:
        """Write the job as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def as_text(name: str, value: Any) -> str:
    """Return a setting that is a name or a path as text.

    Raises:
        ArgumentError: it is something else, such as a model.
    """
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if isinstance(text, str) and "\0" not in text:
        return text
    received = repr(value) if isinstance(value, str | bytes | int | float | None) else type(value).__name__
    raise ArgumentError(f"Expected {name} to be {_TEXTS[name]}, received {received}.")
