"""A file held in its own runtime, in a process without Keras: asking for it."""

import json
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from kerasbridge.exporters import batches as processes
from kerasbridge.exporters.batches import Arrays
from kerasbridge.exporters.formats import Format
from kerasbridge.exporters.signatures import Signature
from kerasbridge.runtime import backend

_CHILD = "kerasbridge.exporters.runtime_worker"


def run(target: Format, path: Path, signature: Signature, batches: Sequence[Arrays]) -> list[Arrays]:
    """What a file gives for batches, computed in another process, on the CPU.

    Args:
        target: the format of the file.
        path: where it is.
        signature: what it takes and gives.
        batches: arrays in the order of the signature.

    Returns:
        The outputs for each batch, in the order of the signature.

    Raises:
        ExportError: the runtime does not load or run it.
    """
    job = {"format": target.name, "path": str(path.absolute()), "signature": signature.as_dict()}
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        place = Path(folder)
        (place / "job.json").write_text(json.dumps(job), encoding="utf-8")
        processes.write_batches(place / "inputs.npz", batches)
        on = target.runtime if target.runtime in backend.BACKENDS else backend.configure().backend
        processes.start(_CHILD, place, on)
        return processes.read_batches(place / "outputs.npz")


def version(target: Format) -> str:
    """The runtime's name and version."""
    distribution, *_ = metadata.packages_distributions()[target.runtime]
    return f"{target.runtime} {metadata.version(distribution)}"
