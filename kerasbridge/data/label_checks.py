"""Check that the labels of sparse losses are classes of the model."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasbridge import checks
from kerasbridge.engines import compile_cache
from kerasbridge.engines.step import Batch
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.by_name import by_name
from kerasbridge.keras_compat.models import flat_losses, output_spec

_CACHE_ATTRIBUTE = "_kerasbridge_outputs"
Check = Callable[[Batch], None]


def make_label_check(model: keras.Model, first: Callable[[], Batch]) -> Check | None:
    """Return a function that refuses labels outside the width of their output; None if no loss takes labels.

    Frameworks treat such labels differently: JAX returns a loss of 0, TensorFlow an error or NaN, torch raises an
    IndexError.

    Args:
        model: a built and compiled model whose losses are built.
        first: a function that returns a batch of arrays like those to check.

    Returns:
        A function of a batch (x, y, sample_weight) of arrays. It raises a DataError with the label, its row and the
        range.
    """
    sparse = [loss for loss in flat_losses(model) if _is_sparse(loss.loss)]
    if not sparse:
        return None
    predictions = _predictions(model, first)

    def check(batch: Batch) -> None:
        y = by_name(batch[1], predictions, getattr(model, "output_names", None) or ())
        for path, loss, _, _ in sparse:
            labels, prediction = _resolve(y, path), _resolve(predictions, path)
            if labels is not None and prediction is not None:
                name = "y" + "".join(f"[{key!r}]" for key in path)
                width, ignored = int(prediction.shape[-1]), getattr(loss, "ignore_class", None)
                checks.check_labels(np.asarray(labels), width, ignored, name)

    return check


def _predictions(model: keras.Model, first: Callable[[], Batch]) -> Any:
    """Return the predictions as symbolic tensors, computed once and cached unless the model defines its output."""
    outputs = getattr(model, "outputs", None) or []
    if len(outputs) == 1 and outputs[0].shape[-1] is not None:
        return outputs[0]
    x = first()[0]
    key = (
        compile_cache.model_fingerprint(model),
        tuple(leaf.shape[1:] for leaf in keras.tree.flatten(x) if leaf is not None),
    )
    return compile_cache.cached_on_model(model, _CACHE_ATTRIBUTE, key, lambda: output_spec(model, x))


def _is_sparse(loss: Any) -> bool:
    return getattr(getattr(loss, "fn", loss), "__name__", "") == "sparse_categorical_crossentropy"


def _resolve(nest: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        try:
            nest = nest[key]
        except (KeyError, IndexError, TypeError):
            return None
    return nest
