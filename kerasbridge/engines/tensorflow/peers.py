"""Exchange of where each worker on TensorFlow listens, unless the launcher announces it."""

import contextlib
import importlib
import socket
from collections.abc import Iterator
from datetime import timedelta

from kerasbridge.errors import WorkerError
from kerasbridge.runtime import backend
from kerasbridge.runtime.world import World


@contextlib.contextmanager
def known_peers(world: World) -> Iterator[tuple[str, ...]]:
    """Yield host:port of each worker; they have met when the context ends.

    Without KERASBRIDGE_PEERS, each worker chooses a free port and publishes it in the store of torch, which torchrun
    has opened or worker 0 opens. torch computes nothing here.
    """
    if world.peers:
        yield world.peers
        return
    try:
        open_store = importlib.import_module("torch.distributed").TCPStore
    except ImportError as error:
        raise WorkerError(
            f"Expected each of the {world.size} workers of TensorFlow to know where the others listen; received none "
            "of the two ways. Set KERASBRIDGE_PEERS=host:port,host:port with an entry for each worker, or type: pip "
            'install "kerasbridge[torch]"'
        ) from error
    key = f"kerasbridge/{world.attempt}/peer/"
    is_master, wait = world.is_first and not world.has_store, timedelta(seconds=backend.worker_timeout())
    try:
        store = open_store(world.address, world.port, None, is_master, timeout=wait, wait_for_workers=False)
        store.set(f"{key}{world.rank}", _own_address(world))
        peers = tuple(store.get(f"{key}{rank}").decode() for rank in range(world.size))
    except (RuntimeError, OSError) as error:
        raise cannot_meet(world, error) from error
    yield peers
    del store  # that of worker 0 must not close before all have read it


def cannot_meet(world: World, error: Exception) -> WorkerError:
    """Return the error of a worker that does not reach the others."""
    reason = next(filter(None, str(error).splitlines()), type(error).__name__)
    places = f"at {', '.join(world.peers)}" if world.peers else f"by {world.address}:{world.port}"
    return WorkerError(
        f"Worker {world.rank} of {world.size} did not meet the others {places}: {reason}. Check that all were started "
        "with the same variables, and that these ports can be reached."
    )


def _own_address(world: World) -> str:
    """Return the address by which this machine reaches worker 0, with a free port."""
    family, kind, protocol, _, master = socket.getaddrinfo(world.address, world.port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as route:
        route.connect(master)  # which sends nothing
        host = route.getsockname()[0]
    with socket.socket(family, socket.SOCK_STREAM) as free:
        free.bind((host, 0))
        port = free.getsockname()[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
