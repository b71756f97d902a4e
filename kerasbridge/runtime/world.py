"""The processes that train together, as their launcher announces them, and the rows of a batch that each computes."""

import contextlib
import functools
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from kerasbridge.errors import WorkerError
from kerasbridge.runtime import backend
from kerasbridge.runtime.context import context_value


@dataclass(frozen=True)
class World:
    """The workers of a training, one process each.

    Attributes:
        rank: the number of this worker, from 0.
        size: the number of workers.
        address: the host of worker 0.
        port: the port at which the workers meet.
        attempt: how often the launcher has restarted the workers.
        has_store: whether the launcher itself listens at the port, with a store of torch.
        peers: host:port of each worker; empty if they are not announced.
        local_rank: the number of this worker among those of its machine, where each has one of several devices.
    """

    rank: int = 0
    size: int = 1
    address: str = ""
    port: int = 0
    attempt: int = 0
    has_store: bool = False
    peers: tuple[str, ...] = ()
    local_rank: int | None = None

    @property
    def is_first(self) -> bool:
        """Return whether this worker runs the callbacks and writes the files."""
        return self.rank == 0


@functools.cache
def current() -> World:
    """Return the workers that the launcher of this process announces; one if there is no launcher.

    Raises:
        WorkerError: a variable is missing or is not a number.
    """
    return parse(backend.launcher_variables())


def parse(variables: Mapping[str, str]) -> World:
    """Return the workers that these environment variables of a launcher announce."""
    size = _number(variables, "WORLD_SIZE", "1")
    if size <= 1:
        return World()
    missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if not variables.get(name)]
    if missing:
        raise WorkerError(
            f"Expected a launcher to set RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, received WORLD_SIZE={size} "
            f"without {', '.join(missing)}. Start with torchrun --nproc-per-node=N, or unset WORLD_SIZE."
        )
    rank, port = _number(variables, "RANK"), _number(variables, "MASTER_PORT")
    if not 0 <= rank < size:
        raise WorkerError(f"Expected RANK from 0 to {size - 1}, received {rank} with WORLD_SIZE={size}.")
    peers = tuple(filter(None, (peer.strip() for peer in variables.get("KERASBRIDGE_PEERS", "").split(","))))
    if peers and len(peers) != size:
        raise WorkerError(
            f"Expected KERASBRIDGE_PEERS to name {size} workers as host:port, separated by commas; received "
            f"{len(peers)}."
        )
    has_store = variables.get("TORCHELASTIC_USE_AGENT_STORE", "").lower() == "true"
    attempt = _number(variables, "TORCHELASTIC_RESTART_COUNT", "0")
    return World(rank, size, variables["MASTER_ADDR"], port, attempt, has_store, peers, _local_rank(variables))


def _local_rank(variables: Mapping[str, str]) -> int | None:
    is_alone = _number(variables, "LOCAL_WORLD_SIZE", "1") == 1
    has_own_device = variables.get("CUDA_VISIBLE_DEVICES", "") != "" and "," not in variables["CUDA_VISIBLE_DEVICES"]
    return None if is_alone or has_own_device else _number(variables, "LOCAL_RANK")


def _number(variables: Mapping[str, str], name: str, default: str = "") -> int:
    value = variables.get(name) or default
    try:
        return int(value)
    except ValueError:
        raise WorkerError(f"Expected {name} to be a whole number, received {value!r}.") from None


@dataclass(frozen=True)
class Share:
    """The rows of a global batch that one worker computes.

    Attributes:
        start, stop: the rows.
        rows: the rows of the global batch.
        weight: the weight of the worker's mean in that of the batch; the weights of all workers add up to 1.
    """

    start: int
    stop: int
    rows: int
    weight: float

    @property
    def is_whole(self) -> bool:
        """Return whether each worker computes the whole batch."""
        return self.stop - self.start == self.rows

    @classmethod
    def of(cls, rows: int, world: World) -> "Share":
        """Return the share of a worker; a batch of fewer than two rows a worker is computed whole by each."""
        if rows < 2 * world.size:
            return cls(0, rows, rows, 1 / world.size)
        start, stop = rows * world.rank // world.size, rows * (world.rank + 1) // world.size
        return cls(start, stop, rows, (stop - start) / rows)


_share: ContextVar[Share | None] = ContextVar("share", default=None)


def current_share() -> Share | None:
    """Return the share of the batch that the running step computes; None if it computes whole batches alone."""
    return _share.get()


def computing(share: Share | None) -> contextlib.AbstractContextManager[None]:
    """Let the step inside compute this share of a batch."""
    return context_value(_share, share)
