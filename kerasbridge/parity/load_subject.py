"""Child side: load the model of a job, and its data."""

from dataclasses import replace
from typing import Any

import numpy as np

from kerasbridge import datasets, models
from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.keras_compat.models import flatten_layers
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.parity import float64_fixes, synthetic_data
from kerasbridge.parity.jobs import Job
from kerasbridge.random import generator
from kerasbridge.seeding import seed_everything
from kerasbridge.subjects import load
from kerasbridge.subjects.source import DIGITS, MODELS
from kerasbridge.subjects.subject import Subject

_MNIST_PIXELS = 28 * 28


def load_subject(job: Job) -> Subject:
    """Build or load the model in the job's dtype, with initial weights from the job's seed, and load its data.

    Raises:
        ArgumentError: the script or the file does not contain a model.
        DataError: the data cannot be read, or cannot be generated for this model.
    """
    float64_fixes.set_dtype(job.dtype, job.correct_leaks)
    seed_everything(job.seed)
    subject = _load_model(job)
    _check_dtype(subject.model, job)
    x, y = subject.x, subject.y
    if x is None or job.data:
        x, y = _load_data(subject.model, job)
    if not all(hasattr(leaf, "__array__") for leaf in load.leaves((x, y))):
        raise DataError(
            f"Expected {job.subject} to return arrays, which every backend reads; received {type(x).__name__}."
        )
    x, y = (map_tensors(lambda leaf: _cast(leaf, job)[: job.rows], nest) for nest in (x, y))
    return replace(subject, x=x, y=y)


def _load_model(job: Job) -> Subject:
    if job.script or job.model not in MODELS:
        subject = load.load_model(job.source)
        return subject if job.script else replace(subject, model=float64_fixes.cast_model(subject.model, job.dtype))
    model = getattr(models, job.model)()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return Subject(model)


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
    if (job.model in MODELS and not job.script) or job.data in DIGITS or (not job.data and _takes_mnist(model)):
        digits = datasets.mnist(job.data or "sample")
        images = digits.x_train.reshape(len(digits.x_train), *model.input_shape[1:])
        return images.astype(job.dtype) / 255, synthetic_data.as_targets(model, digits.y_train)
    if job.data:
        return load.read_data(model, job.data, job.target)[:2]
    return synthetic_data.for_model(model, generator.fold_in(job.seed, "data"))


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
