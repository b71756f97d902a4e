"""Child side: one training step taken apart, eagerly, and the same step as the engine compiles it."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from kerasbridge.data.arrays import Arrays
from kerasbridge.engines.base import Engine
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import call_model
from kerasbridge.keras_compat.seed_generators import seed_states
from kerasbridge.keras_compat.tensors import floatx, map_tensors
from kerasbridge.parity.layer_outputs import OutputRecorder, Zeros, record_outputs, zeros_like
from kerasbridge.parity.step_trace import COMPILED, Numbers, Run
from kerasbridge.parity.variable_names import variable_names
from kerasbridge.random import generator
from kerasbridge.training.optimization import LOSS, Losses, Target, apply_gradients, differentiate
from kerasbridge.training.steps import forward, train_step

_GRADIENTS = generator.fold_in(0, "gradients")


class StepProbe:
    """Takes one step of a built model, again and again from the same state.

    Attributes:
        notes: what a reader has to know.
    """

    def __init__(self, model: Any, engine: Engine) -> None:
        self.model, self.engine = model, engine
        self.notes: list[str] = []
        self._nested = True
        self._start = [(variable, to_numpy(variable.value)) for variable in self._variables()]

    def run_eagerly_probe(self, data: Arrays) -> Run:
        """Every row of an eager step on one batch; the model is left as it was."""
        try:
            run = self._taken_apart(data)
        except Exception:
            if not self._nested:
                raise
            self._nested = False
            self.notes.append("layers within layers are not shown: one is called inside a loop of the framework's own")
            self._return()
            run = self._taken_apart(data)
        self._return()
        return run

    def compiled(self, data: Arrays) -> tuple[Run, str]:
        """The loss and the update of the step that `kb.fit` runs, and how it ran; the model is left as it was."""
        block = self.engine.compile(train_step(self.model, self.engine))
        before = self._trainable()
        order = self.engine.to_device(np.arange(data.rows, dtype="int32")[None])
        report = block(map_tensors(self.engine.to_device, data.nest), order, 0, 1, False).reports[0]
        run = {(f"{COMPILED}loss", "loss"): np.asarray(report)}
        run.update({(f"{COMPILED}update", name): new - before[name] for name, new in self._trainable().items()})
        self._return()
        return run, block.execution_mode

    def _taken_apart(self, data: Arrays) -> Run:
        model, batch = self.model, map_tensors(self.engine.to_device, data.nest)
        zeros: Zeros = {}
        run = {
            **_inputs(data),
            **{("weights", name): to_numpy(weight.value) for name, weight in variable_names(model.weights)},
        }
        with self.engine.eager(), record_outputs(model, zeros, self._nested) as watch:
            watch.begin(batch[0])
            call_model(model, batch[0], training=True)
            zeros.update(zeros_like(watch))
            self._return()
            (loss, outputs), gradients = self._differentiated(batch, watch, zeros)
            run.update({("output", name): to_numpy(outputs[name]) for name in watch.outputs})
            run.update({("loss", name): value for name, value in self._losses(loss)})
            run.update({("state", name): to_numpy(variable.value) for name, variable in variable_names(_state(model))})
            run.update(self._backward(watch, zeros, gradients))
            run.update(self._optimized())
            run.update({("update", name): value for name, value in self._update(gradients).items()})
        return run

    def _differentiated(
        self, batch: Any, watch: OutputRecorder, zeros: Zeros
    ) -> tuple[tuple[Any, dict[str, Any]], list[Any]]:
        model = self.model

        def loss_and_outputs() -> tuple[Losses, dict[str, Any]]:
            watch.begin(batch[0])
            loss, _ = forward(model, batch, training=True)
            return {LOSS: loss}, dict(watch.outputs)

        targets = {LOSS: Target([*model.trainable_variables, *zeros.values()], model.optimizer)}
        (losses, outputs), gradients = differentiate(self.engine, loss_and_outputs, targets)
        return (losses[LOSS], outputs), gradients[LOSS]

    def _backward(self, watch: OutputRecorder, zeros: Zeros, gradients: list[Any]) -> Run:
        """From the last output back to the first, each layer's variables after the first of its outputs."""
        variables = self.model.trainable_variables
        by_variable = dict(zip(map(id, variables), gradients, strict=False))
        names = {id(variable): name for name, variable in variable_names(variables)}
        by_output = dict(zip(zeros, gradients[len(variables) :], strict=True))
        first_output = {id(layer): name for name, layer in reversed(watch.owners.items())}
        after: dict[str, list[Any]] = {}
        for variable in variables:
            after.setdefault(first_output.get(id(_owner(variable, watch)), ""), []).append(variable)
        run: Run = {}
        for name in [*reversed(watch.outputs), ""]:
            if by_output.get(name) is not None:
                run["gradient by output", name] = to_numpy(by_output[name])
            for variable in after.get(name, []):
                gradient = by_variable[id(variable)]
                value = np.zeros(variable.shape) if gradient is None else to_numpy(gradient)
                run["gradient", names[id(variable)]] = value
        return run

    def _optimized(self) -> Run:
        """What the optimizer does to gradients drawn the same everywhere, all variables in a row, and its slots."""
        optimizer, variables = self.model.optimizer, self.model.trainable_variables
        drawn = [_drawn(place, variable.shape) for place, variable in enumerate(variables)]
        update = self._update([self.engine.to_device(gradient.astype(floatx())) for gradient in drawn])
        parts = [part.ravel() for part in update.values()]
        run = {("optimizer", optimizer.name): np.concatenate([np.zeros(0), *parts])}
        run.update({("slot", name): to_numpy(slot.value) for name, slot in variable_names(optimizer.variables)})
        self._return([*variables, *optimizer.variables])
        return run

    def _update(self, gradients: list[Any]) -> dict[str, Numbers]:
        """What one application of the optimizer adds to each variable."""
        before = self._trainable()
        targets = {LOSS: Target(self.model.trainable_variables, self.model.optimizer)}
        apply_gradients(targets, {LOSS: gradients[: len(before)]})
        return {name: new - before[name] for name, new in self._trainable().items()}

    def _losses(self, loss: Any) -> Iterable[tuple[str, Numbers]]:
        """The loss of each output, where there are several, and the total."""
        means = [metric for metric in self.model.metrics if type(metric) is keras.metrics.Mean]
        for metric in means:
            if metric.name.endswith("_loss"):
                yield metric.name, to_numpy(metric.result())
        yield "loss", to_numpy(loss)

    def _trainable(self) -> dict[str, Numbers]:
        return {name: to_numpy(variable.value) for name, variable in variable_names(self.model.trainable_variables)}

    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.model.optimizer.variables, *self.model.metrics_variables]

    def _return(self, variables: Sequence[Any] | None = None) -> None:
        """Set the variables, or these of them, back to where the step starts."""
        wanted = None if variables is None else set(map(id, variables))
        for variable, value in self._start:
            if wanted is None or id(variable) in wanted:
                variable.assign(value)


def to_numpy(tensor: Any) -> Numbers:
    """A copy in a dtype that every NumPy knows."""
    array = np.array(keras.ops.convert_to_numpy(tensor))
    return array if array.dtype.kind in "fiub" else array.astype("complex128" if array.dtype.kind == "c" else "float32")


def _drawn(place: int, shape: tuple[int, ...]) -> Numbers:
    """Numbers of either sign, their logarithms spread evenly from 1e-8 to 1."""
    size = generator.uniform(_GRADIENTS, 2 * place, shape)
    sign = np.where(generator.uniform(_GRADIENTS, 2 * place + 1, shape) < 0.5, -1.0, 1.0)
    drawn: Numbers = sign * 10.0 ** (-8 * size)
    return drawn


def _inputs(data: Arrays) -> Run:
    run: Run = {}
    for part, nest in zip(("x", "y"), data.nest, strict=False):
        for path, leaf in keras.tree.flatten_with_path(nest):
            run["input", part + "".join(f"[{step!r}]" for step in path)] = leaf
    return run


def _state(model: Any) -> list[Any]:
    seeds = {id(state) for state in seed_states(model)}
    return [variable for variable in model.non_trainable_variables if id(variable) not in seeds]


def _owner(variable: Any, watch: OutputRecorder) -> Any:
    """The innermost of the layers seen that holds the variable."""
    holders = [layer for layer in watch.owners.values() if any(variable is held for held in layer.trainable_variables)]
    return min(holders, key=lambda layer: len(layer.trainable_variables), default=None)
