"""Build the model, run the checks that need a built model, and make the runners of `fit`, `evaluate` and `predict`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kerasbridge.data import label_checks
from kerasbridge.data.epoch_iterators import EpochIterator
from kerasbridge.engines.base import Engine
from kerasbridge.engines.step import Batch
from kerasbridge.errors import DataError, DeviceError, StepError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import flatten_layers, has_loss, output_spec, symbolic_build, target_user
from kerasbridge.training.custom_step.build import build_step
from kerasbridge.training.custom_step.invoke import Step as CustomStep
from kerasbridge.training.custom_step.invoke import step_functions, supports_evaluation
from kerasbridge.training.epoch_loop import Phase
from kerasbridge.training.step_loop import PreparedStep, Runner
from kerasbridge.training.steps import evaluate_step, predict_step, train_step, train_step_skipping_nonfinite


def prepare(model: keras.Model, engine: Engine, iterator: EpochIterator, modes: Sequence[bool] = (False,)) -> None:
    """Build the model if it is not built, then check its device and the labels; `modes` as for `symbolic_build`."""
    with engine.abstract_scope():
        symbolic_build(model, lambda: check_targets(model, iterator.first()), modes)
    check_device(model.variables, engine)
    check_labels = label_checks.make_label_check(model, iterator.first)

    def check(batch: Batch) -> Batch:
        batch = check_targets(model, batch)
        return check_labels(batch) if check_labels else batch

    iterator.set_check(check)


def check_targets(model: keras.Model, batch: Batch) -> Batch:
    """Return the batch, or raise DataError if it has no targets but the model has a loss or metric that needs them."""
    user = target_user(model) if batch.y is None else None
    if user:
        raise DataError(
            f"Expected y, which {user} of the model needs, received x alone. Pass y, or batches of (x, y); if the "
            "model reproduces its inputs, pass x twice."
        )
    return batch


def make_train_phase(
    model: keras.Model, step: CustomStep | None, engine: Engine, iterator: EpochIterator, skip: bool = False
) -> Phase:
    """Return the training phase, with the user's step if there is one.

    Args:
        model, step, engine, iterator: what is trained, how and on what.
        skip: leave out steps whose loss or gradients are not finite.
    """
    if step is not None:
        return _custom_phase(model, step, engine, iterator, training=True, skip=skip)
    make_step = train_step_skipping_nonfinite if skip else train_step
    return _phase(model, engine, iterator, make_step, modes=(False, True))


def make_test_phase(model: keras.Model, step: CustomStep | None, engine: Engine, iterator: EpochIterator) -> Phase:
    """Return the evaluation phase, with the user's step if that supports evaluation.

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
    return _phase(model, engine, iterator, evaluate_step)


def make_predict_phase(model: keras.Model, engine: Engine, iterator: EpochIterator) -> Phase:
    """Return the prediction phase; the model need not be compiled."""
    if not all(layer.built for layer in [model, *flatten_layers(model)]):
        with engine.abstract_scope():
            output_spec(model, iterator.first()[0])
    check_device(model.variables, engine)
    return Phase(Runner(model, engine, lambda: PreparedStep(predict_step)), iterator)


def _phase(
    model: keras.Model,
    engine: Engine,
    iterator: EpochIterator,
    make_step: Callable[..., Any],
    modes: Sequence[bool] = (False,),
) -> Phase:
    def prepare_step() -> PreparedStep:
        prepare(model, engine, iterator, modes)
        return PreparedStep(make_step)

    return Phase(Runner(model, engine, prepare_step), iterator)


def _custom_phase(
    model: keras.Model,
    step: CustomStep,
    engine: Engine,
    iterator: EpochIterator,
    training: bool,
    skip: bool = False,
) -> Phase:
    def prepare_step() -> PreparedStep:
        compiled = build_step(model, step, engine, iterator.first(), training)
        check_device(compiled.program.variables, engine)
        program = compiled.program
        make_step = program.make_step_skipping_nonfinite if skip else program.make_step
        return PreparedStep(make_step, program, step_functions(step), program.variables, compiled.optimizers)

    return Phase(Runner(model, engine, prepare_step), iterator)


def check_device(variables: Iterable[Any], engine: Engine) -> None:
    """Raise DeviceError if a variable is on another device, because the model was built before this one was chosen."""
    device = engine.wrong_device(variables)
    if device:
        raise DeviceError(
            f"Expected the model on {engine.device}, found it on {device}. Call "
            f'kb.use_backend("{engine.name}", device="{engine.device}") before building the model.'
        )
