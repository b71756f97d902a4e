"""Losses of Keras for torch, so that they answer what torch refuses as the other backends do."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.functional import nll_loss

from kerasbridge.engines.step import Tensor
from kerasbridge.engines.torch.softmax_logs import clipped_logs, remember_inputs
from kerasbridge.keras_compat.patches import patch_apply_mask, patch_nn_function
from kerasbridge.keras_compat.tensors import to_tensor


@contextlib.contextmanager
def corrected_losses() -> Iterator[None]:
    """Correct the crossentropies, and masks of weighted losses, in this thread."""
    with (
        remember_inputs(),
        patch_apply_mask(_apply_mask),
        patch_nn_function("binary_crossentropy", _binary_crossentropy),
        patch_nn_function("categorical_crossentropy", _categorical_crossentropy),
        patch_nn_function("sparse_categorical_crossentropy", _sparse_crossentropy),
    ):
        yield


def _binary_crossentropy(original: Any, target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """Return NaN where there is one; torch raises, and on a GPU stops the process."""
    target, output = to_tensor(target), to_tensor(output)
    if from_logits or target.shape != output.shape:
        return original(target, output, from_logits)
    total = target + output
    is_nan = torch.isnan(total)
    loss = original(torch.where(is_nan, 0.5, target.clip(0, 1)), torch.where(is_nan, 0.5, output))
    return torch.where(is_nan, total * output, loss)  # its gradient is NaN too


def _categorical_crossentropy(
    original: Any, target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Tensor:
    target, output = to_tensor(target), to_tensor(output)
    logs = clipped_logs(output, axis) if not from_logits and target.shape == output.shape and output.ndim else None
    return original(target, output, from_logits, axis) if logs is None else -torch.sum(target * logs, dim=axis)


def _sparse_crossentropy(original: Any, target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """Return the loss of probabilities (samples, height, width, classes), whose gradient torch refuses to compute."""
    target, output = to_tensor(target), to_tensor(output)
    if not from_logits and output.ndim > 1 and axis in (-1, output.ndim - 1):
        labels = target.squeeze(-1) if target.ndim == output.ndim and target.shape[-1] == 1 else target
        logs = clipped_logs(output, -1) if labels.shape == output.shape[:-1] else None
        if logs is not None:
            losses = nll_loss(logs.reshape(-1, logs.shape[-1]), labels.reshape(-1).long(), reduction="none")
            return losses.view(labels.shape)
    if from_logits or output.ndim != 4 or axis % 4 == 1:
        return original(target, output, from_logits, axis)
    if target.ndim == 4 and target.shape[axis] == 1:
        target = target.squeeze(axis)
    return original(target, output.movedim(axis, 1).contiguous(), from_logits, 1)


def _apply_mask(original: Any, sample_weight: Any, mask: Any, *arguments: Any, **options: Any) -> Tensor:
    """Multiply a copy of the weights with a mask: in place, the metrics would see the weights of the loss."""
    if sample_weight is not None and mask is not None:
        sample_weight, mask = to_tensor(sample_weight), to_tensor(mask)
        if sample_weight.ndim == mask.ndim:
            sample_weight, _ = torch.broadcast_tensors(sample_weight, mask)
        sample_weight = sample_weight.clone()
    return original(sample_weight, mask, *arguments, **options)
