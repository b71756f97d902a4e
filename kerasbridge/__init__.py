"""One Keras 3 model and one training loop on TensorFlow, PyTorch and JAX: the same numbers, at full speed.

Importing the package loads the standard library only; Keras and the backend come with the first name that needs them.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "Objective": "kerasbridge.own_step.objectives:Objective",
    "as_keras_fit": "kerasbridge.taking_over:as_keras_fit",
    "backends": "kerasbridge.runtime.backend_status:backends",
    "compare": "kerasbridge.parity.comparing:compare",
    "datasets": "kerasbridge.datasets",
    "diagnose": "kerasbridge.parity.diagnosing:diagnose",
    "errors": "kerasbridge.errors",
    "evaluate": "kerasbridge.training:evaluate",
    "export": "kerasbridge.exporting:export",
    "fit": "kerasbridge.training:fit",
    "grad": "kerasbridge.own_step.gradients:grad",
    "inspect_legacy": "kerasbridge.importers:inspect_legacy",
    "load_legacy": "kerasbridge.importers:load_legacy",
    "models": "kerasbridge.models",
    "predict": "kerasbridge.training:predict",
    "reinitialize": "kerasbridge.reinitializing:reinitialize",
    "runs": "kerasbridge.runs",
    "seed_everything": "kerasbridge.seeding:seed_everything",
    "use_backend": "kerasbridge.using:use_backend",
    "value_and_grad": "kerasbridge.own_step.gradients:value_and_grad",
}

__all__ = [*_PUBLIC, "__version__"]

if TYPE_CHECKING:
    from kerasbridge import datasets as datasets
    from kerasbridge import errors as errors
    from kerasbridge import models as models
    from kerasbridge import runs as runs
    from kerasbridge.exporting import export as export
    from kerasbridge.importers import inspect_legacy as inspect_legacy
    from kerasbridge.importers import load_legacy as load_legacy
    from kerasbridge.own_step.gradients import grad as grad
    from kerasbridge.own_step.gradients import value_and_grad as value_and_grad
    from kerasbridge.own_step.objectives import Objective as Objective
    from kerasbridge.parity.comparing import compare as compare
    from kerasbridge.parity.diagnosing import diagnose as diagnose
    from kerasbridge.reinitializing import reinitialize as reinitialize
    from kerasbridge.runtime.backend_status import backends as backends
    from kerasbridge.seeding import seed_everything as seed_everything
    from kerasbridge.taking_over import as_keras_fit as as_keras_fit
    from kerasbridge.training import evaluate as evaluate
    from kerasbridge.training import fit as fit
    from kerasbridge.training import predict as predict
    from kerasbridge.using import use_backend as use_backend


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PUBLIC[name].partition(":")
    value: Any = importlib.import_module(module)
    if attribute:
        value = getattr(value, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
