"""`torch.export`, and what is made of its program: ONNX, and by that OpenVINO."""

import re
import tempfile
from pathlib import Path
from typing import Any

import torch

from kerasbridge.exporters.batches import Arrays
from kerasbridge.exporters.model_adapter import serving
from kerasbridge.exporters.signatures import Signature


def to_torch(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """A .pt2 file; its module takes the inputs one after the other and gives a tuple of the outputs."""
    torch.export.save(_program(model, signature, batch), path)


def to_onnx(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """An ONNX file; weights of 2 GB and more lie beside it."""
    names = [spec.name for spec in signature.inputs]
    program = torch.onnx.export(
        _program(model, signature, batch),
        dynamo=True,
        input_names=names,
        output_names=list(signature.outputs),
        verbose=False,
    )
    _name_sizes(program.model, signature)
    program.save(path)


def to_openvino(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """OpenVINO's .xml, and its .bin beside it."""
    from kerasbridge.exporters.writers.openvino import convert

    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        source = Path(folder, "model.onnx")
        to_onnx(model, signature, batch, source)
        convert(source, signature, path)


class _Serving(torch.nn.Module):  # type: ignore[misc]
    """The model on flat tensors; its weights are the module's, so that the file holds them once."""

    def __init__(self, model: Any, signature: Signature) -> None:
        super().__init__()
        self.model = model
        self.serve = serving(model, signature)

    def forward(self, *tensors: Any) -> Any:
        return tuple(self.serve(*tensors))


def _program(model: Any, signature: Signature, batch: Arrays) -> Any:
    """The traced model. A size of 1 would be taken for one that cannot be another: open ones are larger."""
    samples = tuple(_sample(array, spec.shape) for array, spec in zip(batch, signature.inputs, strict=True))
    shapes = tuple(_open(spec.shape) for spec in signature.inputs)
    module = _Serving(model, signature).eval()
    with torch.no_grad():
        return torch.export.export(module, samples, dynamic_shapes=(shapes,), strict=False)


def _sample(array: Any, shape: tuple[int | None, ...]) -> Any:
    tensor = torch.from_numpy(array.copy())
    return tensor if shape[0] is not None else torch.cat([tensor, tensor])


def _open(shape: tuple[int | None, ...]) -> Any:
    return {axis: torch.export.Dim.DYNAMIC for axis, size in enumerate(shape) if size is None}


def _name_sizes(model: Any, signature: Signature) -> None:
    """Call the size of the batch `batch` in the file, in the place of torch's s33."""
    first = signature.inputs[0]
    if first.shape[0] is not None:
        return
    symbol = re.compile(rf"\b{model.graph.inputs[0].shape[0].value}\b")
    for value in [*model.graph.inputs, *model.graph.outputs]:
        value.shape = type(value.shape)([_named(size, symbol) for size in value.shape])


def _named(size: Any, symbol: re.Pattern[str]) -> Any:
    return size if isinstance(size, int) else symbol.sub("batch", str(size.value))
