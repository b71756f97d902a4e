"""The backend of Ray Train that lets its workers train together with `kb.fit`, and what runs in a worker."""

import contextlib
import json
import socket
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray.train
import ray.util
from ray.train.backend import Backend, BackendConfig

from kerasbridge.errors import WorkerError
from kerasbridge.runtime import backend

_REPORT_INTERVAL = 2.0  # seconds, in which Ray fetches one report
_reserved: list[socket.socket] = []


@dataclass
class KerasbridgeConfig(BackendConfig):  # type: ignore[misc]
    """The configuration of a Ray Train trainer whose workers train with `kb.fit`.

    Args:
        variables: environment variables of each worker, which choose its backend and device.
    """

    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def backend_cls(self) -> type[Backend]:
        return _KerasbridgeBackend

    @property
    def train_func_context(self) -> Any:
        return _training

    def to_dict(self) -> dict[str, Any]:
        return {"variables": dict(self.variables)}


class _KerasbridgeBackend(Backend):  # type: ignore[misc]
    """Announce to each worker where the others are, before the function of the user is loaded."""

    def on_training_start(self, worker_group: Any, backend_config: KerasbridgeConfig) -> None:
        size = len(worker_group)
        places = worker_group.execute(_reserve)
        host, port, _ = places[0]
        shared = {
            **backend_config.variables,
            "WORLD_SIZE": str(size),
            "MASTER_ADDR": host,
            "MASTER_PORT": str(port),
            "KERASBRIDGE_PEERS": ",".join(f"{host}:{peer}" for host, _, peer in places),
        }
        told = [
            worker_group.execute_single_async(rank, backend.set_variables, {**shared, "RANK": str(rank)})
            for rank in range(size)
        ]
        ray.get(told)


def _reserve() -> tuple[str, int, int]:
    """Return the address of this worker, a port where all can meet, and one of its own, which stay free for them."""
    for _ in range(2):
        _reserved.append(socket.socket())
        _reserved[-1].bind(("", 0))
    meeting, own = (each.getsockname()[1] for each in _reserved[-2:])
    return ray.util.get_node_ip_address(), meeting, own


@contextlib.contextmanager
def _training() -> Iterator[None]:
    """Join the other workers, in the thread that trains; inside, report the epochs of `kb.fit` to Ray.

    Raises:
        WorkerError: they cannot meet, or this process has used a backend before.
    """
    while _reserved:
        _reserved.pop().close()
    from kerasbridge import engines

    size, expected = engines.current().world.size, ray.train.get_context().get_world_size()
    if size != expected:
        raise WorkerError(
            f"Expected a process of Ray that has used no backend yet, for one of {expected} workers; received one that "
            f"trains with {size}."
        )
    from kerasbridge.training import epoch_reports

    with epoch_reports.reporting(_report, _REPORT_INTERVAL):
        yield


def _report(epoch: int, logs: Mapping[str, float]) -> None:
    """Report the logs of an epoch; Ray keeps only metrics of a checkpoint, so that worker 0 adds a small one."""
    metrics = {**logs, "epoch": epoch + 1}
    if ray.train.get_context().get_world_rank():
        ray.train.report(metrics)
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "epoch.json").write_text(json.dumps(metrics), "utf-8")
        ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(folder))
