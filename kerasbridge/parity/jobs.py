"""What a child process is asked to do, as JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from kerasbridge import checks
from kerasbridge.errors import ArgumentError

DTYPES = ("float32", "float64")
MODELS = ("mlp", "cnn")


@dataclass(frozen=True)
class Job:
    """A model, its data and how it is trained: the same on every backend.

    Attributes:
        model: "mlp", "cnn", the path of a .keras file, or "" where a script builds it.
        script: "train.py:build", a function without arguments that returns a compiled model, or (model, x, y).
        data: "sample", "full", or an .npz file with `x` and `y`, or with `x_train` and `y_train`. "" takes MNIST's
            sample where the model takes its images, else numbers drawn to fit the model.
        dtype: "float32" or "float64".
        correct_leaks: in float64, correct what Keras computes in float32 (`precision.py`).
        seed: settles initial weights, order of rows, random layers, drawn data.
        epochs, batch_size: as for `fit`.
        rows: at most so many rows of the data; None for all.
    """

    model: str = "mlp"
    script: str = ""
    data: str = ""
    dtype: str = "float32"
    correct_leaks: bool = False
    seed: int = 0
    epochs: int = 1
    batch_size: int = 32
    rows: int | None = None

    def check(self) -> None:
        """Refuse what cannot be run here.

        Raises:
            ArgumentError: naming the argument.
        """
        if self.dtype not in DTYPES:
            raise ArgumentError(f"Expected dtype float32 or float64, received {self.dtype!r}.")
        if self.correct_leaks and self.dtype != "float64":
            raise ArgumentError("Expected correct_leaks with float64 only. Add --dtype float64.")
        checks.check_seed(self.seed)
        for name, least in (("epochs", 1), ("batch_size", 1), ("rows", 1)):
            _check_at_least(name, getattr(self, name), least)
        if self.script:
            _check_script(self.script)
        elif self.model not in MODELS and not Path(self.model).is_file():
            raise ArgumentError(
                f"Expected a model mlp, cnn or the path of a .keras file, received {self.model!r}, which is no file."
            )

    @property
    def precision(self) -> str:
        """The narrowest type that rounds the computation."""
        return "float64" if self.correct_leaks else "float32"

    @property
    def subject(self) -> str:
        """What is trained, in one word or two."""
        return self.script or self.model

    def write(self, path: Path) -> None:
        """Write the job as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def _check_at_least(name: str, value: int | None, least: int) -> None:
    if value is not None and value < least:
        raise ArgumentError(f"Expected {name} to be at least {least}, received {value}.")


def _check_script(script: str) -> None:
    path, _, function = script.rpartition(":")
    if not function.isidentifier() or not path:
        raise ArgumentError(f"Expected a script and a function in it, as train.py:build, received {script!r}.")
    if not Path(path).is_file():
        raise ArgumentError(f"Expected a script and a function in it, received {script!r}: {path} is no file.")
