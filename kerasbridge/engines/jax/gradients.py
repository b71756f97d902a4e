"""Gradients on JAX, by linearising once and transposing for each loss."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from kerasbridge.engines.stateless import assign_all
from kerasbridge.engines.step import Tensor

Writes = list[tuple[Any, Tensor]]


def linearize(
    function: Callable[[list[Tensor]], tuple[list[Tensor], Any, Writes]], values: list[Tensor]
) -> tuple[list[Tensor], Any, Callable[[int], list[Tensor | None]]]:
    """Evaluate a function of tensors and prepare its gradients.

    Args:
        function: returns losses, anything else (aux), and the values to assign to variables, which are assigned.
        values: the tensors that it is called with.

    Returns:
        The losses, aux, and a function that returns the gradients of the k-th loss; None where it does not depend on
        the tensor.
    """
    written: list[Any] = []
    reached: set[int] = set()

    def traced(values: list[Tensor]) -> tuple[list[Tensor], tuple[Any, list[Tensor]]]:
        losses, aux, writes = function([_probe(partial(reached.add, k), value) for k, value in enumerate(values)])
        written[:] = [variable for variable, _ in writes]
        return losses, (aux, [value for _, value in writes])

    losses, tangents, (aux, updates) = jax.linearize(traced, values, has_aux=True)
    assign_all(written, updates)

    def gradients_of(k: int) -> list[Tensor | None]:
        reached.clear()
        # Of this loss alone: a zero for the others would be carried through their whole backward pass.
        (gradients,) = jax.linear_transpose(lambda tangent: tangents(tangent)[k], values)(jnp.ones_like(losses[k]))
        return [gradient if index in reached else None for index, gradient in enumerate(gradients)]

    return losses, aux, gradients_of


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _probe(on_gradient: Callable[[], None], value: Tensor) -> Tensor:
    """Return the value; `on_gradient` is called when a gradient reaches it, since JAX returns zeros if none does."""
    del on_gradient
    return value


def _probe_forward(on_gradient: Callable[[], None], value: Tensor) -> tuple[Tensor, None]:
    del on_gradient
    return value, None


def _probe_backward(on_gradient: Callable[[], None], _: None, gradient: Tensor) -> tuple[Tensor]:
    on_gradient()
    return (gradient,)


_probe.defvjp(_probe_forward, _probe_backward)
