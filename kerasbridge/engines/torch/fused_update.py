"""Updates of Adam, AdamW and SGD in one operation of torch per step, instead of many `_foreach` operations of Keras.

Clipping, weight decay, averages and accumulation remain those of Keras, which calls these functions in between.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from kerasbridge.engines import fast_paths
from kerasbridge.engines.step import Tensor
from kerasbridge.keras_compat.optimizer_slots import adam_slots, patch_torch_update, sgd_momentums

NAME = "fused-optimizer"
MANY_STEPS = 1e30
"""A number of steps after which torch's own bias corrections are exactly 1."""

_DTYPES = (torch.float32, torch.float64)
_DEVICES = ("cpu", "cuda")


@contextlib.contextmanager
def fused_updates() -> Iterator[None]:
    """Let Adam, AdamW and SGD of Keras update with torch's fused operations, in this thread, where these apply."""
    with patch_torch_update("Adam", _adam), patch_torch_update("SGD", _sgd):
        yield


def _adam(original: Any, optimizer: Any, gradients: Sequence[Tensor], variables: Sequence[Any], rate: Any) -> None:
    """Compute ``w -= alpha * m / (sqrt(v) + epsilon)`` with ``alpha = rate * sqrt(1 - beta_2**t) / (1 - beta_1**t)``.

    With a learning rate of alpha and corrections of 1, torch's formula is the same, and its epsilon is at that place.
    """
    slots = adam_slots(optimizer, variables)
    values = [variable.value for variable in variables]
    betas = (optimizer.beta_1, optimizer.beta_2)
    if not (_applies(gradients, values, *slots) and all(0 <= beta < 1 for beta in betas) and fast_paths.use(NAME)):
        original(optimizer, gradients, variables, rate)
        return
    step = values[0].new_full((), MANY_STEPS)
    torch._fused_adam_(
        values,
        _separate(gradients, values, *slots),
        *slots,
        *([] for _ in range(3 - len(slots))),
        [step] * len(values),
        lr=_alpha(optimizer, rate, values[0]),
        beta1=betas[0],
        beta2=betas[1],
        weight_decay=0.0,
        eps=optimizer.epsilon,
        amsgrad=optimizer.amsgrad,
        maximize=False,
    )


def _alpha(optimizer: Any, rate: Any, like: Tensor) -> Tensor:
    """Return Keras's alpha in the dtype of the variables."""
    step = _scalar(optimizer.iterations + 1, like)
    first, second = (torch.pow(like.new_full((), beta), step) for beta in (optimizer.beta_1, optimizer.beta_2))
    one = like.new_ones(())
    return _scalar(rate, like) * torch.sqrt(one - second) / (one - first)


def _sgd(original: Any, optimizer: Any, gradients: Sequence[Tensor], variables: Sequence[Any], rate: Any) -> None:
    """Compute ``b = momentum * b - rate * g`` and ``w += b``, or ``w -= rate * g`` without momentum.

    The buffers of torch contain no learning rate. Gradients times the rate, a sign changed by `maximize`, and a
    learning rate of -1 make its formula that of Keras.
    """
    values = [variable.value for variable in variables]
    momentums = sgd_momentums(optimizer, variables)
    if not (_applies(gradients, values, momentums or values) and fast_paths.use(NAME)):
        original(optimizer, gradients, variables, rate)
        return
    rate, gradients = _scalar(rate, values[0]), _separate(gradients, values, momentums)
    constant = {"weight_decay": 0.0, "dampening": 0.0, "is_first_step": False}
    if not momentums:
        torch._fused_sgd_(values, gradients, [], lr=rate, momentum=0.0, nesterov=False, maximize=False, **constant)
        return
    torch._fused_sgd_(
        values,
        torch._foreach_mul(gradients, rate),
        momentums,
        lr=-1.0,
        momentum=optimizer.momentum,
        nesterov=optimizer.nesterov,
        maximize=True,
        **constant,
    )


def _applies(gradients: Sequence[Tensor], values: Sequence[Tensor], *slots: Sequence[Tensor]) -> bool:
    """Return whether torch's operations compute what Keras does: they read memory in order, tensor by tensor."""
    stored = [*values, *(slot for of_kind in slots for slot in of_kind)]
    first = values[0]
    is_supported = first.dtype in _DTYPES and first.device.type in _DEVICES
    is_distinct = len(set(map(_memory, values))) == len(values)
    return (
        is_supported
        and is_distinct
        and all(each.is_contiguous() for each in stored)
        and all((each.dtype, each.device) == (first.dtype, first.device) for each in (*stored, *gradients))
    )


def _separate(gradients: Sequence[Tensor], *stored: Sequence[Tensor]) -> list[Tensor]:
    """Return the gradients in contiguous memory, apart from that of the tensors that the update writes."""
    written = {_memory(tensor) for tensors in stored for tensor in tensors}
    return [
        gradient
        if gradient.is_contiguous() and _memory(gradient) not in written
        else gradient.clone(memory_format=torch.contiguous_format)
        for gradient in gradients
    ]


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage().data_ptr())


def _scalar(number: Any, like: Tensor) -> Tensor:
    """Return a variable, tensor or number as a tensor with the dtype and device of another."""
    return torch.as_tensor(getattr(number, "value", number), dtype=like.dtype, device=like.device)
