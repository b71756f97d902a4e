"""A custom step as a step that an engine compiles: gradients, updates and means around the user's functions."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kerasbridge.engines.base import Engine
from kerasbridge.engines.step import Batch, Step, Tensor, batch_size_of
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import log_tensors
from kerasbridge.training.custom_step.gradients import no_gradient_error
from kerasbridge.training.custom_step.invoke import Function, call
from kerasbridge.training.custom_step.objectives import StepOutput
from kerasbridge.training.optimization import (
    LOSS,
    Gradients,
    Losses,
    Target,
    apply_gradients,
    differentiate,
    mean_over_workers,
)
from kerasbridge.training.skip_nonfinite import skip_nonfinite

Values = dict[str, Tensor]


@dataclass(frozen=True)
class StepFunction:
    """One function of a step, what each of its losses trains, and the losses whose gradients it takes itself."""

    function: Function
    targets: Mapping[str, Target]
    differentiated: frozenset[str]


class RunningMeans:
    """Running means, one per name, in a single variable that a step updates in one operation.

    Each batch is weighted by its number of rows, as in the mean of the loss that Keras computes.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._totals = keras.Variable(initializer="zeros", shape=(len(names),), trainable=False, name="totals")
        self._rows = keras.Variable(initializer="zeros", shape=(), trainable=False, name="rows")

    @property
    def variables(self) -> list[Any]:
        """The variables that a step reads and writes."""
        return [self._totals, self._rows]

    def update(self, values: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
        """Add a batch and return the means so far."""
        dtype = self._totals.dtype
        batch = keras.ops.stack([keras.ops.cast(values[name], dtype) for name in self.names])
        self._totals.assign_add(batch * keras.ops.cast(rows, dtype))
        self._rows.assign_add(keras.ops.cast(rows, dtype))
        return self.results()

    def results(self) -> dict[str, Tensor]:
        """Return the means of the batches so far."""
        means = keras.ops.convert_to_tensor(self._totals) / keras.ops.convert_to_tensor(self._rows)
        return {name: means[k] for k, name in enumerate(self.names)}

    def reset_state(self) -> None:
        """Discard all batches."""
        for variable in self.variables:
            variable.assign(keras.ops.zeros(variable.shape, variable.dtype))


class Program:
    """A custom step on one model, to train or to test.

    Args:
        model: the model that the functions receive.
        engine: the backend that differentiates.
        parts: the functions that run on each batch, one after the other.
        variables: all variables that the step reads or writes.
        averages: the means of the values that are averaged over an epoch; others are logged as they are.
        metrics: the Keras metrics that the functions return, by name.
        training: whether the losses are minimized.
    """

    def __init__(
        self,
        model: keras.Model,
        engine: Engine,
        parts: Sequence[StepFunction],
        variables: Sequence[Any],
        averages: RunningMeans,
        metrics: Mapping[str, Any],
        training: bool,
    ) -> None:
        self._model, self._engine, self._parts, self._training = model, engine, parts, training
        self.variables, self._averages, self._metrics = variables, averages, metrics

    def make_step(self, model: keras.Model, _: Engine) -> Step:
        """Return the step for an engine to compile."""
        return Step.of_model(model, self._run, (*self.variables, *self._averages.variables))

    def make_step_skipping_nonfinite(self, model: keras.Model, engine: Engine) -> Step:
        """Return the step that changes nothing if a loss or gradient is not finite."""
        return skip_nonfinite(self.make_step(model, engine), engine, self.results)

    @property
    def metrics(self) -> list[Any]:
        """The Keras metrics that the functions return."""
        return list(self._metrics.values())

    @property
    def sums(self) -> list[Any]:
        """The variables of the means, which accumulate over rows."""
        return self._averages.variables

    def results(self) -> dict[str, Tensor]:
        """Return the averages so far; means of no batch are NaN."""
        results: dict[str, Any] = {}
        with contextlib.suppress(ValueError):  # metrics of the model that the functions do not use are not built
            results.update(self._model.get_metrics_result())
        results.update({name: metric.result() for name, metric in self._metrics.items()})
        return {**log_tensors(results), **self._averages.results()}

    def reset_state(self) -> None:
        """Reset the means before an epoch."""
        for metric in (self._averages, *self._metrics.values()):
            metric.reset_state()

    def _run(self, batch: Batch) -> tuple[Tensor, Values]:
        losses: Losses = {}
        values: Values = {}
        for part in self._parts:
            part_losses, part_values = self._train(part, batch) if self._training else self._test(part, batch)
            for name, loss in part_losses.items():
                losses[name] = loss + losses[LOSS] if name == LOSS in losses else loss
            values.update(part_values)
        logged = log_values(losses, values)
        means = self._averages.update(logged, batch_size_of(tuple(batch)))
        return logged[LOSS], {name: means.get(name, value) for name, value in logged.items()}

    def _train(self, part: StepFunction, batch: Batch) -> tuple[Losses, Values]:
        """Call a function, differentiate its losses and apply the gradients."""

        def losses_and_values() -> tuple[Losses, tuple[Values, Gradients]]:
            output = call(part.function, self._model, batch, training=True)
            own = {name: mean_over_workers(self._engine, each) for name, each in _own_gradients(output).items()}
            return _losses(output), (_values(output), own)

        targets = {name: target for name, target in part.targets.items() if name in part.differentiated}
        (losses, (values, own)), gradients = differentiate(self._engine, losses_and_values, targets)
        for name in own:
            gradients[name] = _scaled(own[name], part.targets[name].optimizer)
        _check_gradients(part.targets, gradients)
        apply_gradients(part.targets, gradients)
        return losses, values

    def _test(self, part: StepFunction, batch: Batch) -> tuple[Losses, Values]:
        output = call(part.function, self._model, batch, training=False)
        return _losses(output), _values(output)


def log_values(losses: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is logged: the loss, or the sum and each of several as "name_loss", then the named values."""
    parts = {f"{name}_loss": loss for name, loss in losses.items() if name != LOSS}
    logged = {LOSS: sum(losses.values()) if parts else losses[LOSS], **parts}
    return {**logged, **{name: value for name, value in values.items() if name not in logged}}


def _losses(output: StepOutput) -> Losses:
    return {name: objective.loss for name, objective in output.objectives.items()}


def _values(output: StepOutput) -> Values:
    metrics = {name: value for name, value in output.values.items() if isinstance(value, keras.metrics.Metric)}
    values = {name: value for name, value in output.values.items() if name not in metrics}
    return {**values, **log_tensors({name: metric.result() for name, metric in metrics.items()})}


def _own_gradients(output: StepOutput) -> Gradients:
    return {
        name: list(objective.gradients)
        for name, objective in output.objectives.items()
        if objective.gradients is not None
    }


def _scaled(gradients: Sequence[Tensor | None], optimizer: Any) -> list[Tensor | None]:
    """Return gradients that the step took as those of a scaled loss, which the optimizer expects."""
    return [None if gradient is None else optimizer.scale_loss(gradient) for gradient in gradients]


def _check_gradients(targets: Mapping[str, Target], gradients: Gradients) -> None:
    for name, target in targets.items():
        if all(gradient is None for gradient in gradients[name]):
            raise no_gradient_error("the step" if name == LOSS else repr(name), list(target.variables))
