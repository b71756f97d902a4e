"""Workers on torch: a process group, and sums over it as an operation that a trace records."""

import atexit
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from kerasbridge.engines.step import Tensor
from kerasbridge.errors import WorkerError
from kerasbridge.runtime.world import World

_LIBRARY = torch.library.Library("kerasbridge", "FRAGMENT")
_LIBRARY.define("all_sum(Tensor tensor) -> Tensor")


def join(world: World) -> None:
    """Join the process group of the workers."""
    if dist.is_initialized():
        return  # by the script of the user
    on_gpu = torch.cuda.is_available() and dist.is_nccl_available()
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", rank=world.rank, world_size=world.size)
        atexit.register(dist.destroy_process_group)
    except (RuntimeError, ValueError) as error:
        raise WorkerError(
            f"Worker {world.rank} of {world.size} cannot meet the others at {world.address}:{world.port}: {error}"
        ) from error


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
    return np.asarray(tensor.numpy())


def all_gather(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the arrays of all workers, stacked."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    gathered = [torch.empty_like(tensor) for _ in range(dist.get_world_size())]
    dist.all_gather(gathered, tensor)
    return np.asarray(torch.stack(gathered).numpy())
