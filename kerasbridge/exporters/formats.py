"""The formats that a model can be written in: their suffixes, the backends that write them, what that needs."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasbridge.errors import ArgumentError, PackageNotInstalled
from kerasbridge.runtime import backend

EXTRA = "export"


@dataclass(frozen=True)
class Route:
    """One way into a format.

    Args:
        backend: the one that writes it.
        packages: what that needs beside the backend, by the names that are imported.
        unrolls: whether it writes a loop over time as one copy of the step after the other.
    """

    backend: str
    packages: tuple[str, ...] = ()
    unrolls: bool = False

    def lacks(self, runtime: str) -> list[str]:
        """Which of its packages are not installed, the runtime that checks the file among them."""
        needed = dict.fromkeys((self.backend, *self.packages, runtime))
        return [package for package in needed if not _is_there(package)]


@dataclass(frozen=True)
class Format:
    """A format.

    Args:
        name: as in ``kb.export(format=…)``.
        suffix: how the name of its file ends; "" for a folder.
        runtime: the package that runs it, by the name that is imported.
        ways: into it, the best first.
    """

    name: str
    suffix: str
    runtime: str
    ways: tuple[Route, ...]

    def available(self) -> list[Route]:
        """The ways that are open here.

        Raises:
            PackageNotInstalled: none is; what the way lacks that lacks the least.
        """
        lacking = [(way.lacks(self.runtime), way) for way in self.ways]
        found = [way for lacks, way in lacking if not lacks]
        if found:
            return found
        raise _not_installed(self, min((lacks for lacks, _ in lacking), key=len))


_TORCH_TO_ONNX = Route("torch", ("onnx", "onnxscript"), unrolls=True)
FORMATS = {
    each.name: each
    for each in (
        Format("onnx", ".onnx", "onnxruntime", (_TORCH_TO_ONNX, Route("tensorflow", ("onnx", "tf2onnx")))),
        Format("tf_saved_model", "", "tensorflow", (Route("tensorflow"),)),
        Format("litert", ".tflite", "ai_edge_litert", (Route("tensorflow"),)),
        Format("openvino", ".xml", "openvino", (Route("tensorflow"), _TORCH_TO_ONNX)),
        Format("torch", ".pt2", "torch", (Route("torch", unrolls=True),)),
        Format("stablehlo", ".stablehlo", "jax", (Route("jax", ("flatbuffers",)),)),
    )
}
_BY_SUFFIX = {each.suffix: each for each in FORMATS.values()}


def find(name: str | None, path: Path) -> Format:
    """The format of a name, or without one, of a path's suffix.

    Raises:
        ArgumentError: there is none, or its files are named otherwise.
    """
    if name is None and path.suffix not in _BY_SUFFIX:
        raise ArgumentError(f"Expected a format for {path}, whose suffix is none's. Give one of {_listed()}.")
    if name is not None and name not in FORMATS:
        raise ArgumentError(f"Expected one of the formats {_listed()}; received {name!r}.")
    found = FORMATS[name] if name is not None else _BY_SUFFIX[path.suffix]
    if path.suffix != found.suffix and found.suffix:
        raise ArgumentError(f"Expected the path of a file in {found.name} to end in {found.suffix}, received {path}.")
    return found


def _listed() -> str:
    return ", ".join(f"{each.name} ({each.suffix or 'a folder'})" for each in FORMATS.values())


def _is_there(package: str) -> bool:
    return package in backend.installed() if package in backend.BACKENDS else bool(importlib.util.find_spec(package))


def _row(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]


def _not_installed(target: Format, lacks: Sequence[str]) -> PackageNotInstalled:
    extras = [name for name in lacks if name in backend.BACKENDS]
    extras += [EXTRA] if len(extras) < len(lacks) else []
    packages, are = ("the package", "is") if len(lacks) == 1 else ("the packages", "are")
    return PackageNotInstalled(
        f"Exporting to {target.name} needs {packages} {_row(lacks)}, which {are} not installed. "
        f'Type: pip install "kerasbridge[{",".join(extras)}]"'
    )
