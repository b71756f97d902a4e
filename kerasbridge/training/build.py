"""Build the model, run the checks that need a built model, and make the runners of `fit`, `evaluate` and `predict`."""

from collections.abc import Iterable
from typing import Any

from kerasbridge.data import label_checks
from kerasbridge.data.epoch_iterators import EpochIterator
from kerasbridge.engines.base import Engine
from kerasbridge.errors import DeviceError, StepError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import flatten_layers, has_loss, output_spec, symbolic_build
from kerasbridge.training.custom_step.build import CompiledStep, build_step
from kerasbridge.training.custom_step.invoke import Step as OwnStep
from kerasbridge.training.custom_step.invoke import supports_evaluation
from kerasbridge.training.epoch_loop import Phase
from kerasbridge.training.step_loop import Runner
from kerasbridge.training.steps import evaluate_step, predict_step, train_step


def prepare(model: keras.Model, engine: Engine, feed: EpochIterator) -> None:
    """Build the model if it is not built, then check its device and the labels."""
    symbolic_build(model, feed.first)
    check_device(model.variables, engine)
    check = label_checks.make_label_check(model, feed.first)
    if check:
        feed.set_check(check)


def make_train_runner(
    model: keras.Model, step: OwnStep | None, engine: Engine, feed: EpochIterator
) -> tuple[Phase, CompiledStep | None]:
    """Return the training phase and, where the user passed a step, the compiled step."""
    if step is not None:
        return _own(model, step, engine, feed, training=True)
    prepare(model, engine, feed)
    return Phase(Runner(model, engine, train_step), feed), None


def make_test_runner(
    model: keras.Model, step: OwnStep | None, engine: Engine, feed: EpochIterator
) -> tuple[Phase, CompiledStep | None]:
    """Return the evaluation phase and, where the user's step supports evaluation, the compiled step.

    Without such a step, the phase evaluates the loss and metrics that the model was compiled with.

    Raises:
        StepError: the step has no `training` parameter, and the model has no loss.
    """
    if step is not None and supports_evaluation(step):
        return _own(model, step, engine, feed, training=False)
    if step is not None and not has_loss(model):
        raise StepError(
            "Expected a step with a `training` parameter, or a model compiled with a loss, to compute the validation "
            "metrics; received neither. Write def step(model, batch, training), or compile the model with a loss."
        )
    prepare(model, engine, feed)
    return Phase(Runner(model, engine, evaluate_step), feed), None


def make_predict_runner(model: keras.Model, engine: Engine, feed: EpochIterator) -> Phase:
    """Return the prediction phase; the model need not be compiled."""
    if not all(layer.built for layer in [model, *flatten_layers(model)]):
        output_spec(model, feed.first()[0])
    check_device(model.variables, engine)
    return Phase(Runner(model, engine, predict_step), feed)


def _own(
    model: keras.Model, step: OwnStep, engine: Engine, feed: EpochIterator, training: bool
) -> tuple[Phase, CompiledStep]:
    made = build_step(model, step, engine, feed.first(), training)
    check_device(made.program.variables, engine)
    return Phase(Runner(model, engine, made.program.make_step, meter=made.program), feed), made


def check_device(variables: Iterable[Any], engine: Engine) -> None:
    """Raise DeviceError if a variable is on another device, because the model was built before this one was chosen."""
    elsewhere = engine.wrong_device(variables)
    if elsewhere:
        raise DeviceError(
            f"Expected the model on {engine.device}, found it on {elsewhere}. Call "
            f'kb.use_backend("{engine.name}", device="{engine.device}") before building the model.'
        )
