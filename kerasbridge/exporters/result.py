"""What `kb.export` says of a file that it wrote."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kerasbridge.exporters.signatures import Spec


@dataclass(frozen=True)
class ExportResult:
    """A file that holds a model, and how near it comes to it.

    Attributes:
        path: the file, or the folder.
        format: "onnx", …
        backend: the one that wrote it.
        runtime: what it was checked in, with its version.
        difference: the largest between the file's outputs and the model's, relative to the largest output.
        rows: of the batches that it was checked on.
        inputs: name, shape and dtype of what it takes, in order; None for a size that is open.
        outputs: the names of what it gives, in order.
        bytes: its size, with what lies beside it.
    """

    path: Path
    format: str
    backend: str
    runtime: str
    difference: float
    rows: tuple[int, ...]
    inputs: tuple[Spec, ...]
    outputs: tuple[str, ...]
    bytes: int

    @property
    def dynamic_batch(self) -> bool:
        """Return whether the file takes batches of any size."""
        return all(spec.shape[0] is None for spec in self.inputs)

    def as_dict(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return {**asdict(self), "path": str(self.path), "dynamic_batch": self.dynamic_batch}

    def __str__(self) -> str:
        lines = {
            "saved": f"{self.path} ({self.format}, {self.bytes:,} bytes)",
            "written": f"on {self.backend}",
            "checked": f"in {self.runtime} on batches of {', '.join(map(str, self.rows))}",
            "difference": f"{self.difference:.1e} of the largest output",
            "inputs": ", ".join(f"{spec.name} {_shape(spec)} {spec.dtype}" for spec in self.inputs),
            "outputs": ", ".join(self.outputs),
        }
        return "\n".join(f"{heading:12}{line}" for heading, line in lines.items())


def _shape(spec: Spec) -> str:
    batch, *sizes = spec.shape
    words = ["N" if batch is None else str(batch), *("any" if size is None else str(size) for size in sizes)]
    return f"({', '.join(words)})"
