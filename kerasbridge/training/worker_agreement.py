"""The comparison of what the workers of a run were given, before they train."""

from collections.abc import Mapping
from typing import Any

from kerasbridge import runs
from kerasbridge.checkpoint import fingerprint
from kerasbridge.errors import WorkerError
from kerasbridge.keras_compat import keras
from kerasbridge.training.checkpointing import COMPARED_ARGUMENTS
from kerasbridge.training.workers import Workers

_ARGUMENTS = (*COMPARED_ARGUMENTS, "epochs", "initial_epoch", "on_nonfinite", "resume")


def check_alike(
    workers: Workers,
    backend: str,
    fit_arguments: Mapping[str, Any],
    sources: Mapping[str, tuple[Any, Any]],
    seed: int,
) -> None:
    """Raise an error, the same on each worker, if one was given other arguments, data or another model than worker 0.

    Args:
        workers: the workers of the run.
        backend: the backend.
        fit_arguments: the arguments of `kb.fit`.
        sources: as for `open_checkpoints`.
        seed: chooses the rows that are compared.

    Raises:
        WorkerError: they differ.
    """
    if workers.are_alone:
        return
    given = {
        **{f"the version of {name}": version for name, version in runs.versions(backend).items()},
        **{name: fingerprint.plain(fit_arguments[name]) for name in _ARGUMENTS},
        **_describe_model(fit_arguments["model"]),
        **{name: _describe(*pair, seed) for name, pair in sources.items() if pair[1] is not None},
    }
    first, *others = workers.gather(given)
    for rank, other in enumerate(others, start=1):
        found = fingerprint.differences(first, other, f"{{}} is {{}} on worker 0, {{}} on worker {rank}")
        if found:
            raise WorkerError(
                f"Expected the same model, data and arguments on every worker; {'; '.join(found[:3])}. Pass the whole "
                "data on each: kb.fit lets each worker compute its rows of every batch."
            )


def _describe_model(model: keras.Model) -> dict[str, Any]:
    try:
        return fingerprint.of_model(model)
    except Exception:  # a class of the user's without get_config
        return {"variables": [list(each.shape) for each in model.variables]}


def _describe(source: Any, phase: Any, seed: int) -> dict[str, Any]:
    """Return a description of some rows, or of how many batches there are."""
    if hasattr(source, "gather"):
        return fingerprint.of_rows(source, seed)
    return {"steps": phase.iterator.steps}
