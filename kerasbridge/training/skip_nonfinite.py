"""`on_nonfinite="skip"`: a step that changes nothing if its loss or a gradient is not finite."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from kerasbridge.engines.base import Engine
from kerasbridge.engines.step import Batch, Step, Tensor
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.model_state import loss_scales
from kerasbridge.keras_compat.seed_generators import is_seed_state
from kerasbridge.training.optimization import Target, observe_gradients


def skip_nonfinite(step: Step, engine: Engine, results: Callable[[], Mapping[str, Tensor]]) -> Step:
    """Return the step, whose variables keep their values and which reports NaN if something is not finite.

    Random generators advance all the same, and an optimizer that scales the loss answers infinite gradients itself.

    Args:
        step: a training step.
        engine: the engine that compiles it.
        results: returns the logs as they are without the step.
    """

    def run(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        seen: list[Target] = []
        flags: list[Tensor] = []

        def look(target: Target, gradients: Any) -> None:
            seen.append(target)
            if not isinstance(target.optimizer, keras.optimizers.LossScaleOptimizer):
                flags.extend(_is_finite(gradient) for gradient in gradients if gradient is not None)

        logs_before = results()
        before = [(variable, engine.copy(variable.value)) for variable in step.variables if not is_seed_state(variable)]
        with observe_gradients(look):
            loss, logs = step.run(batch)
        is_finite = _all([_is_finite(loss), *flags])
        own = {id(variable) for target in seen for variable in loss_scales(target.optimizer)}
        for variable, value in before:
            if id(variable) not in own:
                variable.assign(keras.ops.where(is_finite, engine.read(variable.value), value))
        kept = {name: keras.ops.where(is_finite, logs[name], logs_before[name]) for name in logs if name in logs_before}
        return keras.ops.where(is_finite, loss, float("nan")), {**logs, **kept}

    return replace(step, run=run)


def _is_finite(tensor: Tensor) -> Tensor:
    return keras.ops.all(keras.ops.isfinite(tensor))


def _all(flags: list[Tensor]) -> Tensor:
    return keras.ops.all(keras.ops.stack(flags))
