"""A step of one's own as a step that an engine compiles: gradients, updates and means around the user's functions."""

from collections.abc import Mapping, Sequence
from typing import Any

from kerasbridge.engines.base import Engine
from kerasbridge.engines.step import Batch, Step, Tensor, batch_size_of
from kerasbridge.keras_compat import keras
from kerasbridge.training.custom_step.gradients import no_gradient_error
from kerasbridge.training.custom_step.invoke import Function, call
from kerasbridge.training.custom_step.objectives import LOSS, Objective, StepOutput
from kerasbridge.training.custom_step.running_means import RunningMeans

Numbers = dict[str, Tensor]
Gradients = Mapping[str, Sequence[Tensor | None]]


class Program:
    """A step on one model, to train or to test; rehearsed before it is made.

    Args:
        model: the model that the functions are given.
        functions: what runs on each batch, one after the other.
        groups: for each function the variables by which the engine takes a gradient, by the name of the loss.
        variables: everything that the step reads or writes.
        averages: the means of the numbers that are averaged over an epoch; others come as they are.
        metrics: Keras metrics that the functions return.
        training: whether losses are to be minimised.
    """

    def __init__(
        self,
        model: keras.Model,
        engine: Engine,
        functions: Sequence[Function],
        groups: Sequence[dict[str, list[Any]]],
        variables: Sequence[Any],
        averages: RunningMeans,
        metrics: Sequence[Any],
        training: bool,
    ) -> None:
        self._model, self._engine, self._training = model, engine, training
        self._phases = list(zip(functions, groups, strict=True))
        self.variables, self._averages, self._metrics = variables, averages, metrics

    def make_step(self, model: keras.Model, _: Any) -> Step:
        """The step for an engine to compile."""
        variables = (*self.variables, *self._averages.variables)
        return Step(self._run, variables, run_eagerly=bool(model.run_eagerly), jit_compile=bool(model.jit_compile))

    def reset_state(self) -> None:
        """Before an epoch: the means of the last one are forgotten."""
        for metric in (self._averages, *self._metrics):
            metric.reset_state()

    def _run(self, batch: Batch) -> tuple[Tensor, Numbers]:
        losses: Numbers = {}
        values: Numbers = {}
        for function, groups in self._phases:
            seen, named = self._train(function, groups, batch) if self._training else self._test(function, batch)
            losses.update(
                {name: loss + losses[LOSS] if name == LOSS in losses else loss for name, loss in seen.items()}
            )
            values.update(named)
        numbers = log_values(losses, values)
        means = self._averages.update(numbers, batch_size_of(tuple(batch)))
        return numbers[LOSS], {name: means.get(name, number) for name, number in numbers.items()}

    def _train(self, function: Function, groups: Mapping[str, list[Any]], batch: Batch) -> tuple[Numbers, Numbers]:
        """Call a function, takes the gradients of its losses, and lets the optimizers apply them."""
        objectives: dict[str, Objective] = {}

        def losses() -> tuple[list[Tensor], tuple[Numbers, Numbers, Gradients]]:
            given = call(function, self._model, batch, training=True)
            objectives.update(given.objectives)
            own = {name: list(each.gradients) for name, each in objectives.items() if each.gradients is not None}
            scaled = [objectives[name].optimizer.scale_loss(objectives[name].loss) for name in groups]
            return scaled, (_losses(given), _results(given), own)

        taken = self._engine.gradients if groups else _without_gradients
        (_, (seen, values, own)), found = taken(losses, list(groups.values()))
        _apply(objectives, {**dict(zip(groups, found, strict=True)), **_scaled(own, objectives)})
        return seen, values

    def _test(self, function: Function, batch: Batch) -> tuple[Numbers, Numbers]:
        given = call(function, self._model, batch, training=False)
        return _losses(given), _results(given)


def log_values(losses: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What is logged: the loss, or the sum and each of several as "name_loss", then the named values."""
    parts = {f"{name}_loss": loss for name, loss in losses.items() if name != LOSS}
    found = {LOSS: sum(losses.values()) if parts else losses[LOSS], **parts}
    return {**found, **{name: value for name, value in values.items() if name not in found}}


def _without_gradients(function: Any, _: Any) -> tuple[Any, list[Any]]:
    return function(), []


def _scaled(gradients: Gradients, objectives: Mapping[str, Objective]) -> Gradients:
    """Gradients that a step took, as its optimizer expects those of a scaled loss."""
    return {
        name: [None if each is None else objectives[name].optimizer.scale_loss(each) for each in found]
        for name, found in gradients.items()
    }


def _losses(given: StepOutput) -> Numbers:
    return {name: each.loss for name, each in given.objectives.items()}


def _results(given: StepOutput) -> Numbers:
    return {
        name: value.result() if isinstance(value, keras.metrics.Metric) else value
        for name, value in given.values.items()
    }


def _apply(objectives: Mapping[str, Objective], gradients: Gradients) -> None:
    """One call of each optimizer, with the gradients of all that it moves."""
    by_optimizer: dict[int, list[str]] = {}
    for name, each in objectives.items():
        if all(gradient is None for gradient in gradients[name]):
            raise no_gradient_error("the step" if name == LOSS else repr(name), each.variables)
        by_optimizer.setdefault(id(each.optimizer), []).append(name)
    for names in by_optimizer.values():
        found = [gradient for name in names for gradient in gradients[name]]
        moved = [variable for name in names for variable in objectives[name].variables]
        objectives[names[0]].optimizer.apply(found, moved)
