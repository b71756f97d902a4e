"""Read the `meta` of a network: the size and the preprocessing of its images, and the names of its classes.

`examples/imagenet/cnn_imagenet_minimal.m` shows the preprocessing; images are RGB, from 0 to 255.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kerasbridge.importers.ir.ops import Array, Shape
from kerasbridge.importers.ir.options import decimal
from kerasbridge.importers.matconvnet.values import Value, numbers, struct, texts
from kerasbridge.importers.report import Preprocessing

_KNOWN = frozenset({"imagesize", "averageimage", "interpolation", "keepaspect", "border", "cropsize"})


def sizes(meta: Mapping[str, Value], names: Sequence[str]) -> dict[str, Shape]:
    """Return the known shapes of inputs, in the order N, C, H, W; a size without a name applies to the first input."""
    pairs: list[tuple[Value, Value]] = []
    named = meta.get("inputSize")
    if isinstance(named, list):
        pairs += itertools.pairwise(named)
    inputs = meta.get("inputs")
    pairs += [(entry.get("name"), entry.get("size")) for entry in inputs] if isinstance(inputs, tuple) else []
    by_name = {name: size for name, size in pairs if isinstance(name, str)}
    shapes = {name: _shape(size) for name, size in by_name.items()}
    for size in (named, _normalization(meta).get("imagesize"), *by_name.values()):
        if names and numbers(size).size:
            shapes.setdefault(names[0], _shape(size))
    return {name: shape for name, shape in shapes.items() if name in names}


def _shape(size: Value) -> Shape:
    """Return [height width channels images] in the order N, C, H, W, with None for missing sizes."""
    known = [int(number) if np.isfinite(number) and 1 <= number < 2**31 else None for number in numbers(size)[:3]]
    height, width, channels = (*known, None, None, None)[:3]
    return (None, channels, height, width)


def _normalization(meta: Mapping[str, Value]) -> dict[str, Value]:
    return {name.lower(): value for name, value in struct(meta.get("normalization", ())).items()}


def preprocessing(meta: Mapping[str, Value], name: str, channels: int | None) -> Preprocessing:
    """Return the preprocessing of the images of the input with this name."""
    options = _normalization(meta)
    means, image = _average(options.get("averageimage"))
    colours = "red, green, blue" if options and channels == 3 else ""
    return Preprocessing(name, means=means, mean_image=image, colours=colours, others=tuple(_others(options)))


def _average(value: Value) -> tuple[tuple[float, ...], Array | None]:
    """Return the mean of each channel and no image, or no means and a mean image of the input size."""
    average = numbers(value)
    if not average.size or not average.any() or not np.isfinite(average).all():
        return (), None
    height, width, *_ = value.shape
    if min(height, width) == 1 and average.size <= 4:
        return tuple(map(decimal, average)), None
    image = np.asarray(value, np.float32)
    return (), image.reshape(height, width, -1, order="F")


def _others(options: Mapping[str, Value]) -> Iterable[str]:
    """Return, as text, the resizing, the cropping, and the numeric options that are unknown."""
    size = numbers(options.get("imagesize"))[:2]
    if size.size == 2:
        resized = _size_before_crop(size, options)
        interpolation, keep_aspect = options.get("interpolation"), numbers(options.get("keepaspect"))
        steps = [f"resizes to {resized[0]:g}x{resized[1]:g}"]
        steps += [interpolation] if isinstance(interpolation, str) and interpolation else []
        steps += ["keeping the aspect" if keep_aspect[0] else "without keeping the aspect"] if keep_aspect.size else []
        yield ", ".join(steps)
        if (resized != size).any():
            yield f"crops the center {size[0]:g}x{size[1]:g}"
    for name, value in options.items():
        if name not in _KNOWN and 0 < numbers(value).size <= 9:
            yield f"{name} is {', '.join(f'{number:g}' for number in numbers(value))}"


def _size_before_crop(size: NDArray[np.float64], options: Mapping[str, Value]) -> NDArray[np.float64]:
    """Return the image size before the border or, in newer files, a fraction of the image is cropped."""
    border, fraction = numbers(options.get("border")), numbers(options.get("cropsize"))
    if border.size in (1, 2):
        return size + border
    valid = fraction.size in (1, 2) and ((fraction > 0) & (fraction < 1)).all()
    return (size / fraction).round() if valid else size


def notes(meta: Mapping[str, Value]) -> Iterable[str]:
    """Return a note with the names of the classes, if the file has any."""
    classes = struct(meta.get("classes", ()))
    for field in ("description", "name"):
        names = texts(classes[field]) if isinstance(classes.get(field), list | str) else ()
        if names:
            more = ", …" if len(names) > 3 else ""
            yield f"names {len(names):,} classes, in the order of the channels: {', '.join(names[:3])}{more}"
            return
