"""Workers on torch: a process group, and sums over it as an operation that a trace records."""

import atexit
import functools
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed import distributed_c10d

from kerasbridge.engines.step import Tensor
from kerasbridge.errors import WorkerError
from kerasbridge.runtime import backend
from kerasbridge.runtime.leaving import leaving_after
from kerasbridge.runtime.world import World

_NEVER = timedelta(days=7)
_GRACE = 5.0
"""Seconds after its own time limit in which torch should have noticed it; it does not where another program listens."""
_LIBRARY = torch.library.Library("kerasbridge", "FRAGMENT")
_LIBRARY.define("all_sum(Tensor tensor) -> Tensor")


def join(world: World) -> None:
    """Join the process group of the workers."""
    if dist.is_initialized():
        return  # by the script of the user
    on_gpu = torch.cuda.is_available() and dist.is_nccl_available()
    seconds = backend.worker_timeout()
    wait, late = timedelta(seconds=seconds), f"there was no answer for {seconds:g} s"
    try:
        with leaving_after(seconds + _GRACE, _cannot_meet(world, late)):
            store, _, _ = next(dist.rendezvous("env://", world.rank, world.size, timeout=wait))
            store = dist.PrefixStore(f"attempt {world.attempt}", store)  # a launcher keeps its store when it restarts
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
                rank=world.rank,
                world_size=world.size,
                store=store,
                timeout=wait,
            )
    except (RuntimeError, ValueError) as error:
        raise WorkerError(_cannot_meet(world, str(error))) from error
    atexit.register(leave_group)
    distributed_c10d._set_pg_timeout(_NEVER)  # a worker that compiles or saves may be waited for; see WorkerMonitor
    _board()  # once the store is lost, torch would try to connect to it for the whole time limit


def _cannot_meet(world: World, error: str) -> str:
    """Return the sentence about workers that did not meet."""
    where = f"{world.address}:{world.port}"
    if "EADDRINUSE" in error:
        return (
            f"Expected a free port for worker 0 to listen at, received {where}, which is taken. Start with another "
            "MASTER_PORT: torchrun --master-port=…"
        )
    return (
        f"Worker {world.rank} of {world.size} did not meet the others at {where}: {error.splitlines()[0]}. Check "
        "that all were started with this MASTER_ADDR and MASTER_PORT, and that the port can be reached."
    )


@functools.cache
def _board() -> dist.Store:
    """Return a connection of its own to the store at which the workers met."""
    return dist.PrefixStore("kerasbridge", distributed_c10d._get_default_store().clone())


def post(key: str, text: str) -> None:
    """Post a text that all workers can read."""
    _board().set(key, text)


def posted(key: str) -> str | None:
    """Return the text that was posted under a key; None if nothing was."""
    return _board().get(key).decode() if _board().check([key]) else None


def leave_group() -> None:
    """Close the connections to the other workers; operations that wait for this one fail."""
    if dist.is_initialized():
        dist.destroy_process_group()


def is_worker_lost(error: BaseException) -> bool:
    """Return whether an error is one of a connection to another worker."""
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


def all_sum(tensor: Tensor) -> Tensor:
    """Return the sum of a tensor over all workers; its gradient is the sum of the gradients of all workers."""
    return _AllSum.apply(tensor) if tensor.requires_grad else torch.ops.kerasbridge.all_sum(tensor)


class _AllSum(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:
        del context
        return torch.ops.kerasbridge.all_sum(tensor)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        del context
        return all_sum(gradient)


def _all_sum(tensor: Tensor) -> Tensor:
    total = tensor.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total


_LIBRARY.impl("all_sum", _all_sum, "CPU")
_LIBRARY.impl("all_sum", _all_sum, "CUDA")
_LIBRARY.impl("all_sum", torch.empty_like, "Meta")


def broadcast(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the array of worker 0."""
    tensor = torch.from_numpy(np.ascontiguousarray(array).copy())
    dist.broadcast(tensor, 0)
    return np.asarray(tensor.numpy()).reshape(array.shape)  # which ascontiguousarray changes for a scalar


def all_gather(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the arrays of all workers, stacked."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    gathered = [torch.empty_like(tensor) for _ in range(dist.get_world_size())]
    dist.all_gather(gathered, tensor)
    return np.asarray(torch.stack(gathered).numpy()).reshape(-1, *array.shape)
