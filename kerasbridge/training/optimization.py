"""The core that all training steps share: differentiate the losses, then update the variables."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from kerasbridge.engines.base import Engine
from kerasbridge.engines.collectives import sum_all
from kerasbridge.engines.step import Tensor
from kerasbridge.runtime.context import context_value
from kerasbridge.runtime.world import current_share

LOSS = "loss"
"""The name of the only or the total loss."""

Losses = dict[str, Tensor]
Gradients = Mapping[str, Sequence[Tensor | None]]


@dataclass(frozen=True)
class Target:
    """The variables that one loss trains, and the optimizer that updates them."""

    variables: Sequence[Any]
    optimizer: Any


Observer = Callable[[Target, Sequence[Tensor | None]], None]
_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


def observe_gradients(observer: Observer) -> contextlib.AbstractContextManager[None]:
    """Call ``observer(target, gradients)`` for each loss before its gradients are applied."""
    return context_value(_observer, observer)


def differentiate(
    engine: Engine, function: Callable[[], tuple[Losses, Any]], targets: Mapping[str, Target]
) -> tuple[tuple[Losses, Any], dict[str, list[Tensor | None]]]:
    """Return ``((losses, aux), gradients)`` of a function that returns ``(losses, aux)``.

    The gradients are those of the losses that `targets` names, scaled as their optimizers expect it. Of several
    workers, the losses and gradients are the sums over all of them, each weighted by its rows.
    """
    if not targets:
        losses, aux = function()
        return (dict(zip(losses, mean_over_workers(engine, list(losses.values())), strict=True)), aux), {}

    def scaled() -> tuple[list[Tensor], tuple[Losses, Any]]:
        losses, aux = function()
        losses = {name: weighted(loss) for name, loss in losses.items()}
        return [target.optimizer.scale_loss(losses[name]) for name, target in targets.items()], (losses, aux)

    (_, (losses, aux)), gradients = engine.gradients(scaled, [target.variables for target in targets.values()])
    losses, gradients = _over_workers(engine, losses, gradients)
    return (losses, aux), dict(zip(targets, gradients, strict=True))


def weighted(value: Tensor) -> Tensor:
    """Return a mean over the rows of a worker as its part of the mean over the batch."""
    share = current_share()
    return value if share is None else value * share.weight


def mean_over_workers(engine: Engine, values: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Return means over the rows of a worker, or gradients of such means, as means over the batch."""
    return sum_over_workers(engine, [None if value is None else weighted(value) for value in values])


def sum_over_workers(engine: Engine, values: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Return the sum of each value over all workers; None stays None."""
    return list(values) if current_share() is None else sum_all(engine, values)


def _over_workers(
    engine: Engine, losses: Losses, gradients: list[list[Tensor | None]]
) -> tuple[Losses, list[list[Tensor | None]]]:
    if current_share() is None:
        return losses, gradients
    sums = iter(sum_all(engine, [*losses.values(), *(gradient for group in gradients for gradient in group)]))
    return {name: next(sums) for name in losses}, [[next(sums) for _ in group] for group in gradients]


def apply_gradients(targets: Mapping[str, Target], gradients: Gradients) -> None:
    """Call each optimizer once, with the gradients and variables of all its losses."""
    observer = _observer.get()
    if observer:
        for name, target in targets.items():
            observer(target, gradients[name])
    for optimizer in {id(target.optimizer): target.optimizer for target in targets.values()}.values():
        names = [name for name, target in targets.items() if target.optimizer is optimizer]
        variables = [variable for name in names for variable in targets[name].variables]
        if variables:
            optimizer.apply([gradient for name in names for gradient in gradients[name]], variables)
