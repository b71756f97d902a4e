"""Programs by `torch.export`, ONNX converted from one, and OpenVINO converted from that."""

import re
import tempfile
from pathlib import Path
from typing import Any

import torch

from kerasbridge.exporters.batches import Arrays
from kerasbridge.exporters.model_adapter import serving_function
from kerasbridge.exporters.signatures import Signature


def to_torch(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """Write a .pt2 file; its module takes the inputs as positional arguments and returns a tuple of outputs."""
    torch.export.save(_program(model, signature, batch), path)


def to_onnx(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """Write an ONNX file; weights of 2 GB and more go to a second file next to it."""
    names = [spec.name for spec in signature.inputs]
    program = torch.onnx.export(
        _program(model, signature, batch),
        dynamo=True,
        input_names=names,
        output_names=list(signature.outputs),
        verbose=False,
    )
    _name_batch_axis(program.model, signature)
    program.save(path)


def to_openvino(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """Write an OpenVINO .xml, and a .bin with the same stem."""
    from kerasbridge.exporters.writers.openvino import convert

    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        source = Path(folder, "model.onnx")
        to_onnx(model, signature, batch, source)
        convert(source, signature, path)


class _Serving(torch.nn.Module):  # type: ignore[misc]
    """The model as a module on flat tensors; registered as a submodule, so that its weights are stored once."""

    def __init__(self, model: Any, signature: Signature) -> None:
        super().__init__()
        self.model = model
        self.serve = serving_function(model, signature)

    def forward(self, *tensors: Any) -> Any:
        return tuple(self.serve(*tensors))


def _program(model: Any, signature: Signature, batch: Arrays) -> Any:
    """Trace the model, with more than one row: torch specializes sizes of 1, even those that are dynamic."""
    samples = tuple(_trace_input(array, spec.shape) for array, spec in zip(batch, signature.inputs, strict=True))
    shapes = tuple(_dynamic_axes(spec.shape) for spec in signature.inputs)
    module = _Serving(model, signature).eval()
    with torch.no_grad():
        return torch.export.export(module, samples, dynamic_shapes=(shapes,), strict=False)


def _trace_input(array: Any, shape: tuple[int | None, ...]) -> Any:
    tensor = torch.from_numpy(array.copy())
    return tensor if shape[0] is not None else torch.cat([tensor, tensor])


def _dynamic_axes(shape: tuple[int | None, ...]) -> Any:
    return {axis: torch.export.Dim.DYNAMIC for axis, size in enumerate(shape) if size is None}


def _name_batch_axis(model: Any, signature: Signature) -> None:
    """Name the batch axis `batch` in the file, instead of a torch symbol such as s33."""
    first = signature.inputs[0]
    if first.shape[0] is not None:
        return
    symbol = re.compile(rf"\b{model.graph.inputs[0].shape[0].value}\b")
    for value in [*model.graph.inputs, *model.graph.outputs]:
        value.shape = type(value.shape)([_rename_symbol(size, symbol) for size in value.shape])


def _rename_symbol(size: Any, symbol: re.Pattern[str]) -> Any:
    return size if isinstance(size, int) else symbol.sub("batch", str(size.value))
