"""Run an exported file in the runtime of its format, in a subprocess without Keras."""

import json
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from kerasbridge.exporters.batches import Arrays, read_batches, start, write_batches
from kerasbridge.exporters.formats import Format
from kerasbridge.exporters.signatures import Signature
from kerasbridge.runtime import backend

_CHILD = "kerasbridge.exporters.runtime_worker"


def run(target: Format, path: Path, signature: Signature, batches: Sequence[Arrays], timeout: float) -> list[Arrays]:
    """Compute the outputs of a file for batches, in a subprocess on the CPU.

    Args:
        target: the format of the file.
        path: the file.
        signature: its inputs and outputs.
        batches: arrays in the order of the signature.
        timeout: seconds after which the subprocess is ended.

    Returns:
        The outputs for each batch, in the order of the signature.

    Raises:
        ExportError: the runtime cannot load or run the file.
    """
    job = {"format": target.name, "path": str(path.absolute()), "signature": signature.as_dict()}
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        job_folder = Path(folder)
        (job_folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        write_batches(job_folder / "inputs.npz", batches)
        on = target.runtime if target.runtime in backend.BACKENDS else backend.configure().backend
        start(_CHILD, job_folder, on, timeout)
        return read_batches(job_folder / "outputs.npz")


def version(target: Format) -> str:
    """Return name and version of the runtime of a format."""
    distribution, *_ = metadata.packages_distributions()[target.runtime]
    return f"{target.runtime} {metadata.version(distribution)}"
