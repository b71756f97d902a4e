"""Logarithms of the probabilities of a softmax, computed from its input by one operation instead of five."""

import contextlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from kerasbridge.engines import fast_paths
from kerasbridge.engines.step import Tensor
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.patches import patch_nn_function

NAME = "softmax-crossentropy"
_SOFTMAX = "_kerasbridge_softmax"
_DTYPES: Mapping[torch.dtype, Any] = {torch.float32: np.float32, torch.float64: np.float64}


def remember_inputs() -> contextlib.AbstractContextManager[None]:
    """Let the result of each softmax remember its input, in this thread."""
    return patch_nn_function("softmax", _softmax)


def _softmax(original: Any, x: Any, axis: Any = -1) -> Tensor:
    result = original(x, axis=axis)
    if isinstance(x, torch.Tensor) and isinstance(axis, int) and result.shape == x.shape and result.dtype == x.dtype:
        setattr(result, _SOFTMAX, (x, axis % max(1, x.ndim), result._version, x._version))
    return result


def clipped_logs(probabilities: Tensor, axis: int) -> Tensor | None:
    """Return ``log(clip(p / sum(p), epsilon, 1 - epsilon))`` of a softmax; None if the tensor is not one.

    The sum is 1. Where the logarithm is clipped the gradient is 0, as it is where the probability is.
    """
    x, of_axis, *versions = getattr(probabilities, _SOFTMAX, (None, None))
    if x is None or of_axis != axis % x.ndim or [probabilities._version, x._version] != versions:
        return None
    if probabilities.dtype not in _DTYPES or not fast_paths.use(NAME):
        return None
    epsilon = keras.config.epsilon()
    greatest = float(_DTYPES[probabilities.dtype](1 - epsilon))
    return torch.nn.functional.hardtanh(torch.log_softmax(x, axis), math.log(epsilon), math.log(greatest))
