"""The address at which the workers of a framework meet that has no launcher of its own."""

import importlib

from kerasbridge.runtime.ports import free_ports
from kerasbridge.runtime.world import World


def address_of_coordinator(world: World) -> str:
    """Return host:port, where worker 0 listens.

    A launcher whose store occupies the port has torch, and worker 0 announces a free port there.
    """
    if world.peers:
        return world.peers[0]
    if not world.has_store:
        return f"{world.address}:{world.port}"
    distributed = importlib.import_module("torch.distributed")
    store = distributed.TCPStore(world.address, world.port, is_master=False)
    key = f"kerasbridge/{world.attempt}/coordinator"
    if world.is_first:
        store.set(key, f"{world.address}:{free_ports(1)[0]}")
    return str(store.get(key).decode())
