"""The devices of a compiled step: one, or several that share the rows of each batch.

Of several, each has a copy of every variable and of the data, and XLA distributes the program over them. A block sees
arrays of all devices of all workers; outside of it, arrays are those of this process, which each worker may use alone.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

from kerasbridge.engines.step import Tensor


class Placement:
    """One device: arrays stay where they are."""

    whole: Any = None
    """The sharding of what a compiled step returns; None for that of JAX."""

    local_devices: Sequence[Any] = ()
    """The devices of this process, if there are several in all."""

    def place(self, array: np.ndarray[Any, Any]) -> Tensor:
        """Return a host array as a tensor on each device of this process, which may share its memory."""
        return jax.device_put(array)

    def enter(self, nest: Any) -> Any:
        """Return arrays as those that a block computes with."""
        return nest

    def leave(self, nest: Any) -> Any:
        """Return arrays of a block as those of this process."""
        return nest

    def enter_batch(self, nest: Any) -> Any:
        """Return a batch on the host as that of a step; each device is given its rows only, if they divide."""
        return nest

    def split(self, nest: Any) -> Any:
        """Distribute the rows of a batch over the devices, in a compiled step."""
        return nest


ONE_DEVICE = Placement()


class Spread(Placement):
    """Several devices.

    Args:
        mesh: the devices of all workers.
        axis: the axis of the mesh over which the rows are distributed.
    """

    def __init__(self, mesh: Mesh, axis: str) -> None:
        self.local_devices = [each for each in mesh.devices.flat if each.process_index == jax.process_index()]
        self._is_local = len(self.local_devices) == mesh.size
        self._size = mesh.shape[axis]
        self._rows = NamedSharding(mesh, PartitionSpec(axis))
        self.whole = NamedSharding(mesh, PartitionSpec())
        self._on_this = self.whole if self._is_local else _copies(self.local_devices)

    def place(self, array: np.ndarray[Any, Any]) -> Tensor:
        return jax.device_put(array, self._on_this)

    def enter(self, nest: Any) -> Any:
        return jax.tree.map(self._enter, nest)

    def _enter(self, array: Any) -> Tensor:
        placed = jax.device_put(array, self._on_this)
        return placed if self._is_local else _rearrange(placed, self.whole)

    def leave(self, nest: Any) -> Any:
        return nest if self._is_local else jax.tree.map(lambda array: _rearrange(array, self._on_this), nest)

    def enter_batch(self, nest: Any) -> Any:
        return jax.tree.map(self._enter_rows, nest)

    def _enter_rows(self, array: np.ndarray[Any, Any]) -> Tensor:
        sharding = self._rows if self._divides(array) else self.whole
        return jax.make_array_from_callback(array.shape, sharding, array.__getitem__)

    def _divides(self, array: np.ndarray[Any, Any]) -> bool:
        return array.ndim > 0 and array.shape[0] % self._size == 0

    def split(self, nest: Any) -> Any:
        return jax.tree.map(self._split, nest)

    def _split(self, tensor: Tensor) -> Tensor:
        if tensor.ndim == 0 or tensor.shape[0] < self._size:
            return tensor
        return jax.lax.with_sharding_constraint(tensor, self._rows)


@functools.cache
def spread(mesh: Mesh, axis: str) -> Placement:
    """Return the placement over these devices."""
    return Spread(mesh, axis) if mesh.size > 1 else ONE_DEVICE


def mesh_of(devices: Sequence[Any]) -> Mesh:
    """Return a mesh of one axis, "data"."""
    return Mesh(np.array(devices), ("data",))


def _copies(devices: Sequence[Any]) -> Any:
    """Return the sharding of an array of which each device has a copy."""
    if len(devices) == 1:
        return SingleDeviceSharding(devices[0])
    return NamedSharding(mesh_of(devices), PartitionSpec())


def _rearrange(array: Tensor, sharding: Any) -> Tensor:
    """Return an array of which each device has a copy as one of other devices, without copying."""
    copies = [shard.data for shard in array.addressable_shards]
    if isinstance(sharding, SingleDeviceSharding):
        return copies[0]
    return jax.make_array_from_single_device_arrays(array.shape, sharding, copies)
