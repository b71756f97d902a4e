"""The contenders of a benchmark, and how much of each is measured."""

from collections.abc import Mapping
from dataclasses import dataclass

from kerasbridge.runtime.backend import BACKENDS

OURS = "kerasbridge"


@dataclass(frozen=True)
class Contender:
    """A way to train.

    Attributes:
        name: as in `--contender`.
        module: a module of `contenders` and the class in it, by backend.
        any_model: whether it trains any Keras model; one written by hand exists for the built-in workloads only.
    """

    name: str
    module: Mapping[str, str]
    any_model: bool = False


def _on_each(place: str, backends: tuple[str, ...] = BACKENDS) -> dict[str, str]:
    return dict.fromkeys(backends, place)


CONTENDERS: Mapping[str, Contender] = {
    contender.name: contender
    for contender in (
        Contender(OURS, _on_each("keras_fit:KerasbridgeFit"), any_model=True),
        Contender("stock", _on_each("keras_fit:StockFit"), any_model=True),
        # on torch, stock Keras refuses steps_per_execution
        Contender("stock-in-steps", _on_each("keras_fit:StockFitInSteps", ("jax", "tensorflow")), any_model=True),
        Contender(
            "by-hand",
            {
                "jax": "jax_loop:JaxLoop",
                "tensorflow": "tensorflow_loop:TensorFlowLoop",
                "torch": "torch_loop:TorchLoop",
            },
        ),
        Contender("by-hand-compiled", {"torch": "torch_loop:CompiledTorchLoop"}),
    )
}


@dataclass(frozen=True)
class Effort:
    """The amount that is measured.

    Attributes:
        rounds: rounds of each contender.
        epochs: epochs of a round that count; one before them does not.
        starts: processes of each contender whose import and first call are measured.
        from_shell: also measure `kerasbridge train` from the shell to the saved model, for the workload "mlp".
    """

    rounds: int = 5
    epochs: int = 2
    starts: int = 3
    from_shell: bool = True


QUICK = Effort(rounds=2, epochs=2, starts=1, from_shell=False)
FIRST_FIT_EPOCHS = 2
ACCURACY = 0.975
"""The accuracy on the test digits at which the time to an accuracy ends."""
MAX_EPOCHS = 12
"""Epochs after which a contender that has not reached it is given up; it has no sample then."""
