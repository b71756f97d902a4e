"""Before the first step: what is not built gets built, what a built model tells is checked, the seed is settled."""

from collections.abc import Iterable
from typing import Any

from kerasbridge import _keras, engines, random
from kerasbridge._keras import keras
from kerasbridge.data import Arrays, check_labels
from kerasbridge.engines.base import Engine
from kerasbridge.errors import DeviceError, StepError
from kerasbridge.loop import Runner
from kerasbridge.own_step.calling import Step as OwnStep
from kerasbridge.own_step.calling import runs_tests
from kerasbridge.own_step.making import Made, make
from kerasbridge.seeding import seed_random_layers
from kerasbridge.step import evaluate_step, train_step


def prepare(model: keras.Model, data: Arrays, batch_size: int) -> Engine:
    """Builds what is not built, and checks what only a built model can tell."""
    engine = engines.current()
    _keras.symbolic_build(model, data.first(batch_size))
    check_device(model.variables, engine)
    check_labels(model, data)
    return engine


def trainer(model: keras.Model, step: OwnStep | None, data: Arrays, batch_size: int) -> tuple[Runner, Made | None]:
    """What trains the model: by its own loss, or by a step of the user's, which is returned as made."""
    if step is None:
        return Runner(model, prepare(model, data, batch_size), train_step, data), None
    return _own(model, step, data, batch_size, training=True)


def tester(model: keras.Model, step: OwnStep | None, data: Arrays, batch_size: int) -> tuple[Runner, Made | None]:
    """What tests the model: its own loss and metrics, unless the user's step says how to test.

    Raises:
        StepError: neither says how.
    """
    if step is not None and runs_tests(step):
        return _own(model, step, data, batch_size, training=False)
    if step is not None and not _keras.has_loss(model):
        raise StepError(
            "Expected a step that can test, received one that takes no `training`, and a model compiled without a "
            "loss. Write def step(model, batch, training), or compile the model with a loss and metrics to test it by."
        )
    return Runner(model, prepare(model, data, batch_size), evaluate_step, data), None


def settle_seed(model: keras.Model, seed: int | None, used: Iterable[Any] = ()) -> int:
    """The seed of the order of rows; one that was given also settles the random layers, and generators in `used`."""
    if seed is None:
        return random.fresh_seed()
    seed_random_layers(model, seed, used)
    return seed


def _own(model: keras.Model, step: OwnStep, data: Arrays, batch_size: int, training: bool) -> tuple[Runner, Made]:
    engine = engines.current()
    made = make(model, step, engine, data.first(batch_size), training)
    check_device(made.program.variables, engine)
    return Runner(model, engine, made.program.make_step, data, meter=made.program), made


def check_device(variables: Iterable[Any], engine: Engine) -> None:
    """A model built before the device was chosen lies elsewhere, and would be split between two devices."""
    elsewhere = engine.elsewhere(variables)
    if elsewhere:
        raise DeviceError(
            f"Expected the model on {engine.device}, found it on {elsewhere}. Call "
            f'kb.use_backend("{engine.name}", device="{engine.device}") before building the model.'
        )
