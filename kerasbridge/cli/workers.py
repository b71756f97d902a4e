"""`kerasbridge train --workers`: start the command in several processes, by the launcher of torch or by Ray."""

import contextlib
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kerasbridge.errors import ArgumentError, PackageNotInstalled, WorkerError
from kerasbridge.runtime import backend, world


def must_launch(workers: int, address: str) -> bool:
    """Return whether this process is to start workers, and is not one of them.

    Raises:
        ArgumentError: there are no workers.
    """
    if workers < 1:
        raise ArgumentError(f"Expected --workers of 1 or more, received {workers}.")
    return world.current().size == 1 and (workers > 1 or bool(address))


def launch_here(words: Sequence[str], workers: int) -> None:
    """Replace this process by the launcher of torch, which starts a command of kerasbridge once for each worker.

    Raises:
        PackageNotInstalled: torch is not installed, nor Ray.
    """
    options = ["--standalone", f"--nproc-per-node={workers}", "-m", "kerasbridge"]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "torch.distributed.run", *options, *words])


def uses_ray(address: str) -> bool:
    """Return whether Ray starts the workers: for a cluster, or where torch is not installed.

    Raises:
        PackageNotInstalled: neither is installed.
    """
    if not address and "torch" in backend.installed():
        return False
    try:
        import ray.train  # noqa: F401
    except ImportError as why:
        if address:
            raise PackageNotInstalled.needed("--address needs", "ray[train]", "ray", why, "ray") from why
        raise PackageNotInstalled(
            "Expected torch, whose launcher starts workers on this machine, or Ray, which does so on several; neither "
            'is installed. Type: pip install "kerasbridge[torch]" or pip install "kerasbridge[ray]"'
        ) from why
    return True


def launch_on_ray(words: Sequence[str], workers: int, address: str) -> None:
    """Run a command of kerasbridge on a Ray cluster, or where there is no address on this machine.

    Raises:
        WorkerError: a worker has failed.
    """
    import ray
    from ray.train import TrainingFailedError

    from kerasbridge.distributed import ray_trainer

    cluster: dict[str, Any] = {"address": address} if address else {"num_cpus": workers, "include_dashboard": False}
    chosen = backend.current()
    use_gpu = chosen is not None and chosen.device.kind == "gpu"
    ray.init(**cluster)
    try:
        ray_trainer(_run, workers, use_gpu, config={"words": list(words), "folder": str(Path.cwd())}).fit()
    except TrainingFailedError as error:
        raise WorkerError(f"The training on Ray failed: {str(error).strip().splitlines()[-1]}") from error
    finally:
        ray.shutdown()


def default_run_dir(model: str, backend_name: str) -> Path:
    """Return the folder of a new run, chosen before its workers are started."""
    from kerasbridge.runs.folder import default_folders

    folders = default_folders(model, backend_name, datetime.now(UTC))
    return next(folder for folder in folders if not folder.exists()).absolute()


def _run(config: dict[str, Any]) -> None:
    """Run the command in a worker of Ray, in the current folder of the program if it exists there."""
    from kerasbridge.cli.app import app

    with contextlib.suppress(OSError):
        os.chdir(config["folder"])
    code = app(config["words"], standalone_mode=False)
    if code:
        raise WorkerError(f"a worker ended with exit code {code}, after what it printed above")
