"""One Keras 3 model and one training loop on TensorFlow, PyTorch and JAX: the same numbers, at full speed.

Importing the package loads the standard library only; Keras and the backend come with the first name that needs them.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

from kerasbridge._version import __version__

_PUBLIC = {
    "Objective": "kerasbridge.training.custom_step.objectives:Objective",
    "as_keras_fit": "kerasbridge.training.keras_fit:as_keras_fit",
    "backends": "kerasbridge.runtime.backend_status:backends",
    "bench": "kerasbridge.benchmark.bench:bench",
    "compare": "kerasbridge.parity.compare:compare",
    "datasets": "kerasbridge.datasets",
    "diagnose": "kerasbridge.parity.diagnose:diagnose",
    "distributed": "kerasbridge.distributed",
    "errors": "kerasbridge.errors",
    "evaluate": "kerasbridge.training.trainer:evaluate",
    "export": "kerasbridge.exporters:export",
    "fit": "kerasbridge.training.trainer:fit",
    "grad": "kerasbridge.training.custom_step.gradients:grad",
    "import_model": "kerasbridge.importers:import_model",
    "import_weights": "kerasbridge.importers:import_weights",
    "inspect_import": "kerasbridge.importers:inspect_import",
    "inspect_legacy": "kerasbridge.importers:inspect_legacy",
    "load_legacy": "kerasbridge.importers:load_legacy",
    "models": "kerasbridge.models",
    "predict": "kerasbridge.training.trainer:predict",
    "reinitialize": "kerasbridge.seeding:reinitialize",
    "runs": "kerasbridge.runs",
    "seed_everything": "kerasbridge.seeding:seed_everything",
    "use_backend": "kerasbridge.engines:use_backend",
    "value_and_grad": "kerasbridge.training.custom_step.gradients:value_and_grad",
}

__all__ = [*_PUBLIC, "__version__"]

if TYPE_CHECKING:
    from kerasbridge import datasets as datasets
    from kerasbridge import distributed as distributed
    from kerasbridge import errors as errors
    from kerasbridge import models as models
    from kerasbridge import runs as runs
    from kerasbridge.benchmark.bench import bench as bench
    from kerasbridge.engines import use_backend as use_backend
    from kerasbridge.exporters import export as export
    from kerasbridge.importers import import_model as import_model
    from kerasbridge.importers import import_weights as import_weights
    from kerasbridge.importers import inspect_import as inspect_import
    from kerasbridge.importers import inspect_legacy as inspect_legacy
    from kerasbridge.importers import load_legacy as load_legacy
    from kerasbridge.parity.compare import compare as compare
    from kerasbridge.parity.diagnose import diagnose as diagnose
    from kerasbridge.runtime.backend_status import backends as backends
    from kerasbridge.seeding import reinitialize as reinitialize
    from kerasbridge.seeding import seed_everything as seed_everything
    from kerasbridge.training.custom_step.gradients import grad as grad
    from kerasbridge.training.custom_step.gradients import value_and_grad as value_and_grad
    from kerasbridge.training.custom_step.objectives import Objective as Objective
    from kerasbridge.training.keras_fit import as_keras_fit as as_keras_fit
    from kerasbridge.training.trainer import evaluate as evaluate
    from kerasbridge.training.trainer import fit as fit
    from kerasbridge.training.trainer import predict as predict


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
    return sorted(__all__)


if "WORLD_SIZE" in os.environ:  # read here, since runtime.backend would make every other import slower
    importlib.import_module("kerasbridge.engines").join_early()
