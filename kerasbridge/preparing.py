"""Before the first step: what is not built gets built, what a built model tells is checked, the seed is settled."""

from kerasbridge import _keras, engines, random
from kerasbridge._keras import keras
from kerasbridge.data import Arrays, check_labels
from kerasbridge.engines.base import Engine
from kerasbridge.errors import DeviceError
from kerasbridge.seeding import seed_random_layers


def prepare(model: keras.Model, data: Arrays, batch_size: int, held_out: Arrays | None = None) -> Engine:
    """Builds what is not built, and checks what only a built model can tell."""
    engine = engines.current()
    _keras.symbolic_build(model, data.first(batch_size))
    check_device(model, engine)
    check_labels(model, data)
    if held_out:
        check_labels(model, held_out)
    return engine


def settle_seed(model: keras.Model, seed: int | None) -> int:
    """The seed of the order of rows; one that was given also settles the random layers."""
    if seed is None:
        return random.fresh_seed()
    seed_random_layers(model, seed)
    return seed


def check_device(model: keras.Model, engine: Engine) -> None:
    """A model built before the device was chosen lies elsewhere, and would be split between two devices."""
    elsewhere = engine.elsewhere(model.variables)
    if elsewhere:
        raise DeviceError(
            f"Expected the model on {engine.device}, found it on {elsewhere}. Call "
            f'kb.use_backend("{engine.name}", device="{engine.device}") before building the model.'
        )
