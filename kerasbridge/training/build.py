"""Build the model, run the checks that need a built model, and make the runners of `fit`, `evaluate` and `predict`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from kerasbridge.data import index_checks, input_checks, label_checks
from kerasbridge.data.epoch_iterators import EpochIterator
from kerasbridge.engines.base import Engine
from kerasbridge.engines.step import Batch
from kerasbridge.errors import DataError, DeviceError, KerasbridgeError, StepError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import flatten_layers, has_loss, output_spec, symbolic_build, target_user
from kerasbridge.training.custom_step.build import build_step
from kerasbridge.training.custom_step.invoke import Step as CustomStep
from kerasbridge.training.custom_step.invoke import step_functions, supports_evaluation
from kerasbridge.training.epoch_loop import Phase
from kerasbridge.training.step_loop import PreparedStep, Runner
from kerasbridge.training.steps import evaluate_step, predict_step, train_step, train_step_skipping_nonfinite


def prepare(
    model: keras.Model, engine: Engine, iterator: EpochIterator, modes: Sequence[bool] = (False,), argument: str = ""
) -> None:
    """Build the model if it is not built, then check its device and the data.

    Args:
        model, engine, iterator: what is run, how and on what.
        modes: as for `symbolic_build`.
        argument: the argument that the data comes from, for errors; "" for x and y themselves.
    """

    def first_batch() -> Batch:
        with input_checks.about(argument):
            return check_targets(model, iterator.first(), bool(argument))

    with engine.abstract_scope():
        symbolic_build(model, first_batch, modes)
    check_device(model.variables, engine)
    checks: list[Callable[[Batch], Batch] | None] = [
        partial(check_targets, model, of_validation=bool(argument)),
        index_checks.make_index_check(model),
        label_checks.make_label_check(model, iterator.first),
    ]

    def check(batch: Batch) -> Batch:
        with input_checks.about(argument):
            for each in checks:
                batch = each(batch) if each else batch
        return batch

    iterator.set_check(check)


def check_targets(model: keras.Model, batch: Batch, of_validation: bool = False) -> Batch:
    """Return the batch; raise DataError if it lacks targets that a loss or metric needs, or has them as x."""
    user = target_user(model) if batch.y is None else None
    if user:
        raise DataError(f"Expected y, which {user} of the model needs, received {_without_targets(batch.x)}.")
    input_checks.check_shapes(model, batch, of_validation)
    return batch


def _without_targets(x: Any) -> str:
    """Return what was received instead of (x, y), and what to pass."""
    if isinstance(x, Mapping):
        keys = ", ".join(map(repr, x))
        return (
            f"a dict with {keys} as x alone. Pass the targets as y, or batches that are tuples (x, y), as (dict, array)"
        )
    if isinstance(x, list | tuple) and len(x) == 2:
        return f"a {type(x).__name__} of two as x alone. Pass them as two arguments, x and y"
    return "x alone. Pass y, or batches of (x, y); if the model reproduces its inputs, pass x twice"


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


def make_test_phase(
    model: keras.Model, step: CustomStep | None, engine: Engine, iterator: EpochIterator, argument: str = ""
) -> Phase:
    """Return the evaluation phase, with the user's step if that supports evaluation; `argument` as for `prepare`.

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
    return _phase(model, engine, iterator, evaluate_step, argument=argument)


def make_predict_phase(model: keras.Model, engine: Engine, iterator: EpochIterator) -> Phase:
    """Return the prediction phase; the model need not be compiled."""
    if not all(layer.built for layer in [model, *flatten_layers(model)]):
        with engine.abstract_scope():
            output_spec(model, iterator.first()[0])
    check_device(model.variables, engine)
    if check_indices := index_checks.make_index_check(model):
        iterator.set_check(check_indices)
    return Phase(Runner(model, engine, lambda: PreparedStep(predict_step)), iterator)


def _phase(
    model: keras.Model,
    engine: Engine,
    iterator: EpochIterator,
    make_step: Callable[..., Any],
    modes: Sequence[bool] = (False,),
    argument: str = "",
) -> Phase:
    def prepare_step() -> PreparedStep:
        prepare(model, engine, iterator, modes, argument)
        return PreparedStep(make_step, trains=any(modes))

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
        batch = iterator.first()
        try:
            compiled = build_step(model, step, engine, batch, training)
        except (AttributeError, TypeError, ValueError) as error:
            if batch.y is not None or "None" not in str(error) or isinstance(error, KerasbridgeError):
                raise
            raise DataError(
                "Expected y, which the step uses, received x alone. Pass y, or batches of (x, y)."
            ) from error
        check_device(compiled.program.variables, engine)
        program = compiled.program
        make_step = program.make_step_skipping_nonfinite if skip else program.make_step
        return PreparedStep(
            make_step,
            program,
            step_functions(step),
            program.variables,
            compiled.optimizers,
            program.metrics,
            training,
            lambda _: program.results(),
        )

    return Phase(Runner(model, engine, prepare_step), iterator)


def check_device(variables: Iterable[Any], engine: Engine) -> None:
    """Raise DeviceError if a variable is on another device, because the model was built before this one was chosen."""
    device = engine.wrong_device(variables)
    if device:
        raise DeviceError(
            f"Expected the model on {engine.device}, found it on {device}. Call "
            f'kb.use_backend("{engine.name}", device="{engine.device}") before building the model.'
        )


def check_strategy(model: keras.Model, engine: Engine) -> None:
    """Raise DeviceError if the model was built to be distributed over devices."""
    strategy = engine.strategy_of(model)
    if strategy:
        raise DeviceError(
            f"Expected a model on one device, received one that was built in the scope of a {strategy}. Build it "
            "outside of the scope, or train it with model.fit."
        )
