"""A run opened on the backend that is chosen, to be asked about digits."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasbridge.datasets import Dataset
    from kerasbridge.runs import Run

SHAPES = ((28, 28), (28, 28, 1), (784,))
"""What a model may take a digit as, without the batch."""

CLASSES = 10
BATCH_SIZE = 250
"""Divides the test digits of both the sample and the full set, so that one shape of step is compiled."""


def load_run(run: Path, backend: str | None = None, device: str | None = None) -> "tuple[Run, Any]":
    """A run and its model, on the backend and device that are chosen; this loads Keras.

    Args:
        run: the run's folder.
        backend, device: as for `kb.use_backend`; None where the environment decides.

    Raises:
        RunFolderError: there is no run in the folder, it has no model, or its model does not take digits.
        BackendError, DeviceError: as for `kb.use_backend`.
    """
    from kerasbridge import engines, runs
    from kerasbridge.runtime import backend as choice

    found = runs.load(run)
    choice.configure(backend, device)
    engines.current()
    model = found.load_model()
    check_takes_digits(found, model)
    return found, model


def check_takes_digits(run: "Run", model: Any) -> None:
    """Refuse a model that does not take digits, or does not tell ten classes apart.

    Raises:
        RunFolderError: naming what it takes and gives.
    """
    from kerasbridge.errors import RunFolderError

    takes, gives = (getattr(model, name, None) for name in ("input_shape", "output_shape"))
    if takes not in [(None, *shape) for shape in SHAPES] or gives != (None, CLASSES):
        raise RunFolderError(
            f"The model of {run.folder} takes {_in_words(takes)} and gives {_in_words(gives)}: expected one that takes "
            "digits, of shape (28, 28), and gives 10 classes. "
            f'In Python, kb.runs.load("{run.folder}").load_model() gives the model, for data of your own.'
        )


def load_digits(data: str) -> "Dataset":
    """Digits as the models take them: 28x28 pixels, ten classes.

    Args:
        data: as for `kb.datasets.mnist`.

    Raises:
        DataError: they are others, or not there.
    """
    from kerasbridge import checks, datasets
    from kerasbridge.errors import DataError

    digits = datasets.mnist(data)
    for part, x, y in (("train", digits.x_train, digits.y_train), ("test", digits.x_test, digits.y_test)):
        if x.shape[1:] not in ((28, 28), (28, 28, 1)):
            raise DataError(
                f"{data}: x_{part} holds images of shape {x.shape[1:]}, the models take grey images of 28x28 pixels: "
                "bring them to shape (samples, 28, 28)."
            )
        checks.check_labels(y, CLASSES, name=f"y_{part}")
    return digits


def probabilities(model: Any, images: Any) -> Any:
    """What a model makes of digits: the probability of each class, shape (images, 10), float32.

    Args:
        model: one that takes digits; where it gives no probabilities but logits, their softmax is taken.
        images: grey levels from 0 to 255, white on black as in MNIST, shape (images, 28, 28) or with one channel.
    """
    import kerasbridge as kb

    outputs = kb.predict(model, scaled(images, model.input_shape[1:]), BATCH_SIZE, verbose=0)
    return outputs if _are_probabilities(outputs) else _softmax(outputs)


def scaled(images: Any, shape: tuple[int, ...] = (28, 28)) -> Any:
    """Grey levels from 0 to 1, float32, each image in the shape that a model takes."""
    return images.reshape(-1, *shape).astype("float32") / 255


def _are_probabilities(outputs: Any) -> bool:
    import numpy as np

    return bool((outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=1e-3))


def _softmax(logits: Any) -> Any:
    import numpy as np

    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _in_words(shape: Any) -> str:
    if isinstance(shape, tuple) and shape[:1] == (None,):
        return f"shape {shape[1:]}"
    return "several arrays" if isinstance(shape, list | dict) else "no fixed shape"
