"""Child side: load the model of a job, and its data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasbridge import datasets, models, saving
from kerasbridge.errors import ArgumentError, DataError, DataFileError
from kerasbridge.files import npy
from kerasbridge.files.budget import reading
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import flatten_layers
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.parity import float64_fixes, synthetic_data
from kerasbridge.parity.jobs import MODELS, Job
from kerasbridge.random import generator
from kerasbridge.runtime.scripts import call_script
from kerasbridge.seeding import seed_everything

_MNIST_PIXELS = 28 * 28
_ARRAY_NAMES = ("x", "y", "x_train", "y_train")


@dataclass(frozen=True)
class Subject:
    """A model, and nests of arrays to train it on."""

    model: Any
    x: Any
    y: Any


def load_subject(job: Job) -> Subject:
    """Build or load the model in the job's dtype, with initial weights from the job's seed, and load its data.

    Raises:
        ArgumentError: the script or the file does not contain a model.
        DataError: the data cannot be read, or cannot be generated for this model.
    """
    float64_fixes.set_dtype(job.dtype, job.correct_leaks)
    seed_everything(job.seed)
    model, x, y = _from_script(job.script) if job.script else (_load_model(job), None, None)
    _check_dtype(model, job)
    if x is None:
        x, y = _load_data(model, job)
    x, y = (map_tensors(lambda leaf: _cast(leaf, job)[: job.rows], nest) for nest in (x, y))
    return Subject(model, x, y)


def _load_model(job: Job) -> Any:
    if job.model in MODELS:
        model = getattr(models, job.model)()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model
    try:
        model = saving.load_model(job.model)
    except Exception as error:
        first_line = str(error).strip().partition("\n")[0]
        raise ArgumentError(
            f"Cannot load a Keras model from {job.model}: {first_line} Custom layers and Lambda need their code: "
            "return the model from a script, --script FILE.py:FUNCTION."
        ) from error
    return float64_fixes.cast_model(model, job.dtype)


def _from_script(script: str) -> tuple[Any, Any, Any]:
    result = call_script(script)
    model, x, y = result if isinstance(result, tuple) else (result, None, None)
    if not isinstance(model, keras.Model):
        raise ArgumentError(f"Expected {script} to return a Keras model or (model, x, y), received {type(result)}.")
    return model, x, y


def _check_dtype(model: Any, job: Job) -> None:
    """Raise if a layer has another dtype, to whose rounding the tolerances would not apply."""
    for layer in flatten_layers(model):
        policy = layer.dtype_policy
        if layer.trainable_variables and {policy.compute_dtype, policy.variable_dtype} != {job.dtype}:
            raise ArgumentError(
                f"Expected every layer in {job.dtype}, received {layer.name} in {policy.name}. Build the layers inside "
                "the function and without a dtype, so that --dtype decides."
            )


def _load_data(model: Any, job: Job) -> tuple[Any, Any]:
    if job.model in MODELS or job.data in ("sample", "full") or (not job.data and _takes_mnist(model)):
        digits = datasets.mnist(job.data or "sample")
        images = digits.x_train.reshape(len(digits.x_train), *model.input_shape[1:])
        return images.astype(job.dtype) / 255, synthetic_data.as_targets(model, digits.y_train)
    if job.data:
        return _from_file(Path(job.data), model)
    return synthetic_data.for_model(model, generator.fold_in(job.seed, "data"))


def _from_file(path: Path, model: Any) -> tuple[Any, Any]:
    with reading(DataFileError, path):
        try:
            arrays = npy.read_file(path, _ARRAY_NAMES)
        except (OSError, ValueError) as error:
            raise DataFileError(f"Expected an .npz file with x and y, received {path}: {error}.") from error
    if not isinstance(arrays, dict):
        raise DataFileError(f"Expected an .npz file with x and y, received {path}, which contains one array.")
    for x, y in (_ARRAY_NAMES[:2], _ARRAY_NAMES[2:]):
        if x in arrays and y in arrays:
            is_grey = arrays[x].dtype == np.uint8 and _takes_floats(model)
            return arrays[x] / 255.0 if is_grey else arrays[x], arrays[y]
    raise DataError(f"Expected {path} to contain x and y, or x_train and y_train; it contains neither.")


def _takes_floats(model: Any) -> bool:
    inputs = getattr(model, "inputs", None) or []
    return all("float" in tensor.dtype for tensor in inputs)


def _takes_mnist(model: Any) -> bool:
    if not synthetic_data.wants_classes(model) or not getattr(model, "inputs", None):
        return False
    shapes = (model.input_shape, model.output_shape)
    if not all(isinstance(shape, tuple) and None not in shape[1:] for shape in shapes):
        return False
    return int(np.prod(shapes[0][1:])) == _MNIST_PIXELS and shapes[1][-1] == 10


def _cast(leaf: Any, job: Job) -> Any:
    array = np.asarray(leaf)
    return array.astype(job.dtype) if array.dtype.kind == "f" else array
