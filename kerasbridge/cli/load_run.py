"""Load a run on the chosen backend, and compute its predictions for digits."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasbridge.datasets import Dataset
    from kerasbridge.runs import Run

SHAPES = ((28, 28), (28, 28, 1), (784,))
"""Input shapes that a model of digits may have, without the batch."""

CLASSES = 10
BATCH_SIZE = 250
"""Divides the test digits of both the sample and the full set, so that one shape of step is compiled."""


def load_run(run: Path, backend: str | None = None, device: str | None = None) -> "tuple[Run, Any]":
    """Load a run and its model on the chosen backend and device; this imports Keras.

    Args:
        run: the run folder.
        backend, device: as for `kb.use_backend`; None to take them from the environment.

    Raises:
        RunFolderError: the folder contains no run, the run has no model, or its model does not take digits.
        BackendError, DeviceError: as for `kb.use_backend`.
    """
    from kerasbridge import engines, runs
    from kerasbridge.runtime import backend as backend_module

    loaded = runs.load(run)
    backend_module.configure(backend, device, "--backend")
    engines.current()
    model = loaded.load_model()
    check_takes_digits(loaded, model)
    return loaded, model


def check_takes_digits(run: "Run", model: Any) -> None:
    """Refuse a model that does not take digits or does not have ten classes.

    Raises:
        RunFolderError: with the shapes of its input and output.
    """
    from kerasbridge.errors import RunFolderError

    if not takes_digits(model):
        input_shape, output_shape = map(_describe, _shapes(model))
        raise RunFolderError(
            f"The model of {run.folder} takes {input_shape} and returns {output_shape}: expected one that takes "
            "digits, of shape (28, 28), and returns 10 classes. "
            f'To use it with other data in Python: kb.runs.load("{run.folder}").load_model()'
        )


def takes_digits(model: Any) -> bool:
    """Return whether a model takes digits and returns ten classes."""
    input_shape, output_shape = _shapes(model)
    return input_shape in [(None, *shape) for shape in SHAPES] and output_shape == (None, CLASSES)


def load_digits(data: str) -> "Dataset":
    """Load digits in the form that the models take: 28x28 pixels, ten classes.

    Args:
        data: as for `kb.datasets.mnist`.

    Raises:
        DataError: the data has another form or does not exist.
    """
    from kerasbridge import checks, datasets
    from kerasbridge.errors import DataError

    digits = datasets.mnist(data)
    for part, x, y in (("train", digits.x_train, digits.y_train), ("test", digits.x_test, digits.y_test)):
        if x.shape[1:] not in ((28, 28), (28, 28, 1)):
            raise DataError(
                f"{data}: x_{part} contains images of shape {x.shape[1:]}, the models take grey images of "
                "28x28 pixels: convert them to shape (samples, 28, 28)."
            )
        checks.check_labels(y, CLASSES, name=f"{data}: y_{part}")
    return digits


def probabilities(model: Any, images: Any) -> Any:
    """Compute the probability of each class for digits, float32 of shape (images, 10).

    Args:
        model: one that takes digits; if it returns logits instead of probabilities, their softmax is taken.
        images: grey levels from 0 to 255, white on black as in MNIST, shape (images, 28, 28) or with one channel.
    """
    import kerasbridge as kb
    from kerasbridge.evaluation.classification_report import as_probabilities

    return as_probabilities(kb.predict(model, scale(images, model.input_shape[1:]), BATCH_SIZE, verbose=0))


def finite_probabilities(run: Path, model: Any, images: Any) -> Any:
    """Compute `probabilities`, and refuse a model whose training diverged.

    Raises:
        RunFolderError: a probability is not finite.
    """
    import numpy as np

    from kerasbridge.errors import RunFolderError

    rows = probabilities(model, images)
    if not np.isfinite(rows).all():
        raise RunFolderError(
            f"Expected the model of {run} to return probabilities, received values that are not finite: its training "
            "diverged. Train another: kerasbridge train."
        )
    return rows


def scale(images: Any, shape: tuple[int, ...] = (28, 28)) -> Any:
    """Scale grey levels to [0, 1], float32, and reshape each image to the input shape of a model."""
    return images.reshape(-1, *shape).astype("float32") / 255


def _shapes(model: Any) -> tuple[Any, Any]:
    return getattr(model, "input_shape", None), getattr(model, "output_shape", None)


def _describe(shape: Any) -> str:
    if isinstance(shape, tuple) and shape[:1] == (None,):
        return f"shape {shape[1:]}"
    return "several arrays" if isinstance(shape, list | dict) else "no fixed shape"
