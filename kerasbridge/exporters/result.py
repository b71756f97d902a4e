"""The result of `kb.export`."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kerasbridge.exporters.signatures import Spec
from kerasbridge.runtime.results import Result, Summary


@dataclass(frozen=True, repr=False)
class ExportResult(Result):
    """An exported file, and how closely its outputs match the model.

    Attributes:
        path: the file, or the folder.
        format: "onnx", …
        backend: the backend that wrote it.
        runtime: name and version of the package that the file was checked with.
        difference: the largest difference between the outputs of the file and the model, relative to the largest
            output.
        rows: the sizes of the batches that it was checked on.
        inputs: name, shape and dtype of each input, in order; None in a shape is a size that is not fixed.
        outputs: the names of the outputs, in order.
        bytes: the size, including files next to it that belong to it.
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
        """Return all fields as a dict that JSON can store."""
        return {**asdict(self), "path": str(self.path), "dynamic_batch": self.dynamic_batch}

    def _summary(self) -> Summary:
        title = f"{self.path}, {self.format}, {self.difference:.1e} from the model"
        return Summary(title, rows=list(self._lines().items()))

    def __str__(self) -> str:
        return "\n".join(f"{heading:12}{line}" for heading, line in self._lines().items())

    def _lines(self) -> dict[str, str]:
        return {
            "saved": f"{self.path} ({self.format}, {self.bytes:,} bytes)",
            "written": f"on {self.backend}",
            "checked": f"in {self.runtime} on batches of {', '.join(map(str, self.rows))}",
            "difference": f"{self.difference:.1e} of the largest output",
            "inputs": ", ".join(f"{spec.name} {_shape(spec)} {spec.dtype}" for spec in self.inputs),
            "outputs": ", ".join(self.outputs),
        }


def _shape(spec: Spec) -> str:
    batch, *sizes = spec.shape
    parts = ["N" if batch is None else str(batch), *("any" if size is None else str(size) for size in sizes)]
    return f"({', '.join(parts)})"
