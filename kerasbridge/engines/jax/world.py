"""Workers on JAX: one program over the devices of all of them."""

import sys
from typing import Any

import jax
import numpy as np
from jax._src import distributed
from jax.experimental import multihost_utils

from kerasbridge.engines.coordinator import address_of_coordinator
from kerasbridge.errors import WorkerError
from kerasbridge.runtime.leaving import exit_at_once
from kerasbridge.runtime.world import World

HEARTBEAT_SECONDS = 10
"""After so many seconds without a heartbeat a worker counts as lost."""
_LOST = ("gloo", "Gloo", "UNAVAILABLE", "NCCL", "coordination service")
"""In the text of errors that a lost connection causes."""
MIN_BYTES = 256
"""Arrays are exchanged in sizes that are this times a power of two: JAX compiles a program for each."""


def join(world: World) -> None:
    """Start JAX as one of the workers."""
    if not jax.distributed.is_initialized():  # otherwise by the script of the user
        _initialize(world)
    if jax.process_count() != world.size:
        raise WorkerError(
            f"Expected {world.size} workers, the WORLD_SIZE, found that JAX counts {jax.process_count()}."
        )


def _initialize(world: World) -> None:
    try:
        jax.distributed.initialize(
            address_of_coordinator(world),
            world.size,
            world.rank,
            local_device_ids=world.local_rank,
            heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
        )
    except RuntimeError as error:
        if "before any JAX" in str(error):
            raise WorkerError(
                "Expected to start JAX for several workers, found that it has computed already. Import kerasbridge, "
                'or call kb.use_backend("jax"), before anything else computes or builds a model.'
            ) from error
        raise WorkerError(f"Worker {world.rank} of {world.size} cannot meet the others: {error}") from error


def post(key: str, text: str) -> None:
    """Post a text that all workers can read."""
    _client().key_value_set(f"kerasbridge/{key}", text, allow_overwrite=True)


def posted(key: str) -> str | None:
    """Return the text that was posted under a key; None if nothing was."""
    try:
        return str(_client().key_value_try_get(f"kerasbridge/{key}"))
    except jax.errors.JaxRuntimeError as error:
        if "NOT_FOUND" in str(error):
            return None
        raise


def _client() -> Any:
    return distributed.global_state.client


def is_worker_lost(error: BaseException) -> bool:
    """Return whether an error is one of a connection to another worker."""
    kinds = (jax.errors.JaxRuntimeError, ValueError)
    return isinstance(error, kinds) and any(word in str(error) for word in _LOST)


def leave() -> None:
    """End the process at once when an error ends it: JAX would abort it, since it cannot disconnect from the others."""
    show = sys.excepthook

    def show_and_exit(*error: Any) -> None:
        show(*error)
        exit_at_once()

    sys.excepthook = show_and_exit


def broadcast(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the array of worker 0."""
    return _from_bytes(multihost_utils.broadcast_one_to_all(_to_bytes(array)), array)


def all_gather(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the arrays of all workers, stacked."""
    return np.stack([_from_bytes(row, array) for row in multihost_utils.process_allgather(_to_bytes(array))])


def _to_bytes(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the bytes of an array, since JAX may not have its dtype, and zeros after them."""
    padded = np.zeros(max(MIN_BYTES, 1 << max(0, array.nbytes - 1).bit_length()), np.uint8)
    padded[: array.nbytes] = np.frombuffer(array.tobytes(), np.uint8)
    return padded


def _from_bytes(received: Any, like: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.frombuffer(np.asarray(received)[: like.nbytes].tobytes(), like.dtype).reshape(like.shape).copy()
