"""Build the model, run the checks that need a built model, and make the runners of `fit`, `evaluate` and `predict`."""

from collections.abc import Iterable, Sequence
from typing import Any

from kerasbridge.data import label_checks
from kerasbridge.data.epoch_iterators import EpochIterator
from kerasbridge.engines.base import Engine
from kerasbridge.errors import DeviceError, StepError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import flatten_layers, has_loss, output_spec, symbolic_build
from kerasbridge.training.custom_step.build import CompiledStep, build_step
from kerasbridge.training.custom_step.invoke import Step as CustomStep
from kerasbridge.training.custom_step.invoke import supports_evaluation
from kerasbridge.training.epoch_loop import Phase
from kerasbridge.training.step_loop import Runner
from kerasbridge.training.steps import evaluate_step, predict_step, train_step


def prepare(model: keras.Model, engine: Engine, iterator: EpochIterator, modes: Sequence[bool] = (False,)) -> None:
    """Build the model if it is not built, then check its device and the labels; `modes` as for `symbolic_build`."""
    with engine.abstract_scope():
        symbolic_build(model, iterator.first, modes)
    check_device(model.variables, engine)
    check = label_checks.make_label_check(model, iterator.first)
    if check:
        iterator.set_check(check)


def make_train_phase(
    model: keras.Model, step: CustomStep | None, engine: Engine, iterator: EpochIterator
) -> tuple[Phase, CompiledStep | None]:
    """Return the training phase and, where the user passed a step, the compiled step."""
    if step is not None:
        return _custom_phase(model, step, engine, iterator, training=True)
    prepare(model, engine, iterator, modes=(False, True))
    return Phase(Runner(model, engine, train_step), iterator), None


def make_test_phase(
    model: keras.Model, step: CustomStep | None, engine: Engine, iterator: EpochIterator
) -> tuple[Phase, CompiledStep | None]:
    """Return the evaluation phase and, where the user's step supports evaluation, the compiled step.

    Without such a step, the phase evaluates the loss and metrics that the model was compiled with.

    Raises:
        StepError: the step has no `training` parameter, and the model has no loss.
    """
    if step is not None and supports_evaluation(step):
        return _custom_phase(model, step, engine, iterator, training=False)
    if step is not None and not has_loss(model):
        raise StepError(
            "Expected a step with a `training` parameter, or a model compiled with a loss, to compute the validation "
            "metrics; received neither. Write def step(model, batch, training), or compile the model with a loss."
        )
    prepare(model, engine, iterator)
    return Phase(Runner(model, engine, evaluate_step), iterator), None


def make_predict_phase(model: keras.Model, engine: Engine, iterator: EpochIterator) -> Phase:
    """Return the prediction phase; the model need not be compiled."""
    if not all(layer.built for layer in [model, *flatten_layers(model)]):
        with engine.abstract_scope():
            output_spec(model, iterator.first()[0])
    check_device(model.variables, engine)
    return Phase(Runner(model, engine, predict_step), iterator)


def _custom_phase(
    model: keras.Model, step: CustomStep, engine: Engine, iterator: EpochIterator, training: bool
) -> tuple[Phase, CompiledStep]:
    compiled = build_step(model, step, engine, iterator.first(), training)
    check_device(compiled.program.variables, engine)
    return Phase(Runner(model, engine, compiled.program.make_step, means=compiled.program), iterator), compiled


def check_device(variables: Iterable[Any], engine: Engine) -> None:
    """Raise DeviceError if a variable is on another device, because the model was built before this one was chosen."""
    device = engine.wrong_device(variables)
    if device:
        raise DeviceError(
            f"Expected the model on {engine.device}, found it on {device}. Call "
            f'kb.use_backend("{engine.name}", device="{engine.device}") before building the model.'
        )
