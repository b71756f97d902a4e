"""Child side: trace a training step, run eagerly, and the same step compiled by the engine."""

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
from kerasbridge.parity.variable_names import array_names, variable_names
from kerasbridge.random import generator
from kerasbridge.training.optimization import LOSS, Losses, Target, apply_gradients, differentiate
from kerasbridge.training.steps import forward, train_step

_GRADIENTS = generator.fold_in(0, "gradients")


class StepProbe:
    """Trace one step of a built model; every trace begins with the same state and restores it.

    Attributes:
        notes: remarks for the reader.
    """

    def __init__(self, model: Any, engine: Engine) -> None:
        self.model, self.engine = model, engine
        self.notes: list[str] = []
        self._nested = True
        variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
        self._initial = [(variable, to_numpy(variable.value)) for variable in variables]

    def trace_eager(self, data: Arrays) -> Run:
        """Return every row of an eager step on one batch."""
        try:
            run = self._trace(data)
        except Exception:
            if not self._nested:
                raise
            self._nested = False
            self.notes.append("layers within layers are not shown: one is called inside a loop of the framework's own")
            self._restore()
            run = self._trace(data)
        self._restore()
        return run

    def trace_compiled(self, data: Arrays) -> tuple[Run, str]:
        """Return the loss and the update of the compiled step, which is the one of `kb.fit`, and its execution mode."""
        block = self.engine.compile(train_step(self.model, self.engine))
        before = self._trainable_values()
        order = self.engine.to_device(np.arange(data.rows, dtype="int32")[None])
        report = block(map_tensors(self.engine.to_device, data.nest), order, 0, 1, False).reports[0]
        run = {(f"{COMPILED}loss", "loss"): np.asarray(report)}
        run.update({(f"{COMPILED}update", name): new - before[name] for name, new in self._trainable_values().items()})
        self._restore()
        return run, block.execution_mode

    def _trace(self, data: Arrays) -> Run:
        model, batch = self.model, map_tensors(self.engine.to_device, data.nest)
        zeros: Zeros = {}
        run: Run = {("input", name): array for name, array in array_names(data)}
        run.update({("weights", name): to_numpy(weight.value) for name, weight in variable_names(model.weights)})
        with self.engine.eager(), record_outputs(model, zeros, self._nested) as recorder:
            recorder.begin(batch[0])
            call_model(model, batch[0], training=True)
            zeros.update(zeros_like(recorder))
            self._restore()
            (loss, outputs), gradients = self._differentiate(batch, recorder, zeros)
            run.update({("output", name): to_numpy(outputs[name]) for name in recorder.outputs})
            run.update({("loss", name): value for name, value in self._losses(loss)})
            run.update({("state", name): to_numpy(variable.value) for name, variable in variable_names(_state(model))})
            run.update(self._gradient_rows(recorder, zeros, gradients))
            run.update(self._optimizer_rows())
            run.update({("update", name): value for name, value in self._apply(gradients).items()})
        return run

    def _differentiate(
        self, batch: Any, recorder: OutputRecorder, zeros: Zeros
    ) -> tuple[tuple[Any, dict[str, Any]], list[Any]]:
        model = self.model

        def loss_and_outputs() -> tuple[Losses, dict[str, Any]]:
            recorder.begin(batch[0])
            loss, _ = forward(model, batch, training=True)
            return {LOSS: loss}, dict(recorder.outputs)

        targets = {LOSS: Target([*model.trainable_variables, *zeros.values()], model.optimizer)}
        (losses, outputs), gradients = differentiate(self.engine, loss_and_outputs, targets)
        return (losses[LOSS], outputs), gradients[LOSS]

    def _gradient_rows(self, recorder: OutputRecorder, zeros: Zeros, gradients: list[Any]) -> Run:
        """Return the gradients from the last output to the first, those of a layer's variables after its output."""
        variables = self.model.trainable_variables
        by_variable = dict(zip(map(id, variables), gradients, strict=False))
        names = {id(variable): name for name, variable in variable_names(variables)}
        by_output = dict(zip(zeros, gradients[len(variables) :], strict=True))
        first_output = {id(layer): name for name, layer in reversed(recorder.owners.items())}
        variables_of: dict[str, list[Any]] = {}
        for variable in variables:
            variables_of.setdefault(first_output.get(id(_owner(variable, recorder)), ""), []).append(variable)
        run: Run = {}
        for name in [*reversed(recorder.outputs), ""]:
            if by_output.get(name) is not None:
                run["gradient by output", name] = to_numpy(by_output[name])
            for variable in variables_of.get(name, []):
                gradient = by_variable[id(variable)]
                value = np.zeros(variable.shape) if gradient is None else to_numpy(gradient)
                run["gradient", names[id(variable)]] = value
        return run

    def _optimizer_rows(self) -> Run:
        """Return the update for gradients that are the same on every backend, concatenated, and the slots after it."""
        optimizer, variables = self.model.optimizer, self.model.trainable_variables
        gradients = [_synthetic_gradient(index, variable.shape) for index, variable in enumerate(variables)]
        update = self._apply([self.engine.to_device(gradient.astype(floatx())) for gradient in gradients])
        flat = [change.ravel() for change in update.values()]
        run = {("optimizer", optimizer.name): np.concatenate([np.zeros(0), *flat])}
        run.update({("slot", name): to_numpy(slot.value) for name, slot in variable_names(optimizer.variables)})
        self._restore([*variables, *optimizer.variables])
        return run

    def _apply(self, gradients: list[Any]) -> dict[str, Numbers]:
        """Apply the optimizer once and return the change of each variable."""
        before = self._trainable_values()
        targets = {LOSS: Target(self.model.trainable_variables, self.model.optimizer)}
        apply_gradients(targets, {LOSS: gradients[: len(before)]})
        return {name: new - before[name] for name, new in self._trainable_values().items()}

    def _losses(self, loss: Any) -> Iterable[tuple[str, Numbers]]:
        """Yield the loss of each output, if there are several, and the total."""
        means = [metric for metric in self.model.metrics if type(metric) is keras.metrics.Mean]
        for metric in means:
            if metric.name.endswith("_loss"):
                yield metric.name, to_numpy(metric.result())
        yield "loss", to_numpy(loss)

    def _trainable_values(self) -> dict[str, Numbers]:
        return {name: to_numpy(variable.value) for name, variable in variable_names(self.model.trainable_variables)}

    def _restore(self, variables: Sequence[Any] | None = None) -> None:
        """Set the variables, by default all of them, back to their initial values."""
        ids = None if variables is None else set(map(id, variables))
        for variable, value in self._initial:
            if ids is None or id(variable) in ids:
                variable.assign(value)


def to_numpy(tensor: Any) -> Numbers:
    """Return a copy in a dtype that NumPy has without extensions: bfloat16 becomes float32."""
    array = np.array(keras.ops.convert_to_numpy(tensor))
    return array if array.dtype.kind in "fiub" else array.astype("complex128" if array.dtype.kind == "c" else "float32")


def _synthetic_gradient(index: int, shape: tuple[int, ...]) -> Numbers:
    """Return random numbers of either sign whose magnitudes are log-uniform from 1e-8 to 1."""
    exponent = generator.uniform(_GRADIENTS, 2 * index, shape)
    sign = np.where(generator.uniform(_GRADIENTS, 2 * index + 1, shape) < 0.5, -1.0, 1.0)
    gradient: Numbers = sign * 10.0 ** (-8 * exponent)
    return gradient


def _state(model: Any) -> list[Any]:
    seeds = {id(state) for state in seed_states(model)}
    return [variable for variable in model.non_trainable_variables if id(variable) not in seeds]


def _owner(variable: Any, recorder: OutputRecorder) -> Any:
    """Return the innermost recorded layer that has the variable."""
    layers = [
        layer for layer in recorder.owners.values() if any(variable is each for each in layer.trainable_variables)
    ]
    return min(layers, key=lambda layer: len(layer.trainable_variables), default=None)
