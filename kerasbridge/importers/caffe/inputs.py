"""The inputs of a Caffe network: their names, shapes and preprocessing."""

from collections.abc import Iterator, Sequence
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.caffe.parser import Layer, text
from kerasbridge.importers.ir.graph import Input
from kerasbridge.importers.ir.ops import Shape
from kerasbridge.importers.ir.options import decimal
from kerasbridge.importers.report import Preprocessing

IMAGES = ("Data", "ImageData", "WindowData")
DATA = frozenset({"Input", "DummyData", "MemoryData", "HDF5Data", *IMAGES})
LABELLED = frozenset({"MemoryData", *IMAGES})
"""Data layers whose second blob is a label."""


def is_data(layer: Layer) -> bool:
    """Return whether a layer is a data layer; a Python layer is one if it reads no blob."""
    return layer.type in DATA or (layer.type == "Python" and not layer.bottoms)


def inputs_of_net(net: Any) -> Iterator[Input]:
    """Return the inputs that are declared at the beginning of the file, in any of the three forms."""
    shapes: list[Sequence[int]] = [shape.dim for shape in net.input_shape]
    shapes = shapes or [net.input_dim[at : at + 4] for at in range(0, len(net.input_dim), 4)]
    if shapes and len(shapes) != len(net.input):
        raise LegacyFileError(f"has {len(net.input)} inputs and {len(shapes)} shapes of inputs.")
    for index, name in enumerate(net.input):
        yield Input(text(name), _dynamic_batch(shapes[index]) if shapes else (None,) * 4)


def inputs_of(layer: Layer) -> Iterator[Input]:
    """Return the blobs that a data layer writes, as inputs, with None for sizes that it does not give."""
    for top, name in enumerate(layer.tops):
        labels = top > 0 and layer.type in LABELLED
        yield Input(name, (None,) if labels else _shape(layer, top))


def _shape(layer: Layer, top: int) -> Shape:
    if layer.type in ("Input", "DummyData"):
        return _declared_shape(layer, top)
    if layer.type == "MemoryData":
        options = layer.options("memory_data")
        return (None, options.channels or None, options.height or None, options.width or None)
    if layer.type not in IMAGES:
        return (None,) * 4
    crop = preprocessing(layer).crop or None
    return (None, _channels(layer), crop, crop)


def _declared_shape(layer: Layer, top: int) -> Shape:
    """Return the declared shape of a blob; a layer has one shape for each blob, or one for all."""
    options = layer.options("input" if layer.type == "Input" else "dummy_data")
    shapes = [shape.dim for shape in options.shape]
    if layer.type == "DummyData" and not shapes:
        shapes = list(zip(options.num, options.channels, options.height, options.width, strict=False))
    if not shapes:
        return (None,) * 4
    return _dynamic_batch(shapes[min(top, len(shapes) - 1)])


def _dynamic_batch(sizes: Sequence[int]) -> Shape:
    """Return the shape with None for the batch."""
    return (None, *(size if size > 0 else None for size in sizes[1:]))


def _channels(layer: Layer) -> int | None:
    """Return the channels of images: 1 for greyscale, 3 for colour, else the number of means; None if unknown."""
    transform = layer.options("transform")
    if layer.type == "ImageData":
        return 3 if layer.options("image_data").is_color else 1
    return 3 if transform.force_color else 1 if transform.force_gray else len(transform.mean_value) or None


def preprocessing(layer: Layer) -> Preprocessing:
    """Return the preprocessing of a data layer, from its `transform_param` or, in older files, its other options."""
    transform = layer.options("transform")
    old: Any = {"Data": "data", "ImageData": "image_data", "WindowData": "window_data"}.get(layer.type)
    sources = [transform, layer.options(old)] if old else [transform]
    others = []
    if layer.type == "ImageData" and (sources[1].new_height or sources[1].new_width):
        others.append(f"resizes to {sources[1].new_height}x{sources[1].new_width}")
    if any(source.mirror for source in sources):
        others.append("mirrors at random when training")
    return Preprocessing(
        layer.name,
        scale=next((decimal(source.scale) for source in sources if source.scale != 1), 1.0),
        means=tuple(decimal(mean) for mean in transform.mean_value),
        mean_file=next((source.mean_file for source in sources if source.mean_file), ""),
        crop=next((source.crop_size for source in sources if source.crop_size), 0),
        others=tuple(others),
    )
