"""Activations of recurrent cells that can be computed in place, and their gradients by their result."""

from collections.abc import Callable
from typing import NamedTuple

import torch

from kerasbridge.engines.step import Tensor
from kerasbridge.keras_compat import keras


class Activation(NamedTuple):
    """An activation.

    Attributes:
        compute: returns the activation of a tensor.
        overwrite: writes it over the tensor.
        backward: writes into its third argument the gradient of the tensor, given that of the result and the result.
    """

    compute: Callable[[Tensor], Tensor]
    overwrite: Callable[[Tensor], Tensor]
    backward: Callable[[Tensor, Tensor, Tensor], Tensor]


_ATEN = torch.ops.aten
ACTIVATIONS = {
    "tanh": Activation(torch.tanh, torch.tanh_, lambda d, y, out: _ATEN.tanh_backward.grad_input(d, y, grad_input=out)),
    "sigmoid": Activation(
        torch.sigmoid, torch.sigmoid_, lambda d, y, out: _ATEN.sigmoid_backward.grad_input(d, y, grad_input=out)
    ),
    "relu": Activation(torch.relu, torch.relu_, lambda d, y, out: torch.mul(d, y > 0, out=out)),
    "linear": Activation(lambda x: x, lambda x: x, lambda d, y, out: out.copy_(d)),
    "hard_sigmoid": Activation(
        torch.nn.functional.hardsigmoid,
        lambda x: torch.nn.functional.hardsigmoid(x, inplace=True),
        lambda d, y, out: torch.mul(d / 6, (y > 0) & (y < 1), out=out),
    ),
}

_NAMES = {getattr(keras.activations, name): name for name in ACTIVATIONS}


def name_of(activation: Callable[..., object]) -> str | None:
    """Return the name of a Keras activation; None if it is not among these."""
    return _NAMES.get(activation)
