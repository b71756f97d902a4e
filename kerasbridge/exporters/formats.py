"""Export formats: their suffixes, the backends that write them and the packages these need."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasbridge.errors import ArgumentError, PackageNotInstalled
from kerasbridge.runtime import backend

EXTRA = "export"


@dataclass(frozen=True)
class Route:
    """One way to write a format.

    Args:
        backend: the backend that writes it.
        packages: import names of the packages that are needed in addition to the backend.
        unrolls: whether it writes a loop over time as a sequence of copied steps.
    """

    backend: str
    packages: tuple[str, ...] = ()
    unrolls: bool = False

    def missing_packages(self, runtime: str) -> list[str]:
        """Return the packages that are not installed, including the runtime that checks the file."""
        needed = dict.fromkeys((self.backend, *self.packages, runtime))
        return [package for package in needed if not _is_installed(package)]


@dataclass(frozen=True)
class Format:
    """An export format.

    Args:
        name: as in ``kb.export(format=…)``.
        suffix: the suffix of its files; "" for a folder.
        runtime: import name of the package that runs it.
        routes: the ways to write it, the best first.
    """

    name: str
    suffix: str
    runtime: str
    routes: tuple[Route, ...]

    def available(self) -> list[Route]:
        """Return the routes whose packages are installed.

        Raises:
            PackageNotInstalled: there is no such route; names the packages of the route that lacks the fewest.
        """
        missing = [route.missing_packages(self.runtime) for route in self.routes]
        available = [route for route, packages in zip(self.routes, missing, strict=True) if not packages]
        if not available:
            raise _not_installed(self, min(missing, key=len))
        return available


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
    """Return the format with this name, or without a name, the one with the suffix of the path.

    Raises:
        ArgumentError: there is no such format, or its files have another suffix.
    """
    if name is None and path.suffix not in _BY_SUFFIX:
        raise ArgumentError(f"Cannot infer the format from the suffix of {path}. Pass one of {_format_names()}.")
    if name is not None and name not in FORMATS:
        raise ArgumentError(f"Expected one of the formats {_format_names()}; received {name!r}.")
    target = FORMATS[name] if name is not None else _BY_SUFFIX[path.suffix]
    if path.suffix != target.suffix and target.suffix:
        raise ArgumentError(f"Expected the path of a file in {target.name} to end in {target.suffix}, received {path}.")
    return target


def _format_names() -> str:
    return ", ".join(f"{each.name} ({each.suffix or 'a folder'})" for each in FORMATS.values())


def _is_installed(package: str) -> bool:
    return package in backend.installed() if package in backend.BACKENDS else bool(importlib.util.find_spec(package))


def _not_installed(target: Format, missing: Sequence[str]) -> PackageNotInstalled:
    extras = [name for name in missing if name in backend.BACKENDS]
    extras += [EXTRA] if len(extras) < len(missing) else []
    packages, are = ("the package", "is") if len(missing) == 1 else ("the packages", "are")
    names = " and ".join(filter(None, (", ".join(missing[:-1]), missing[-1])))
    return PackageNotInstalled(
        f"Exporting to {target.name} needs {packages} {names}, which {are} not installed. "
        f'Type: pip install "kerasbridge[{",".join(extras)}]"'
    )
