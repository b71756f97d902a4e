"""The order of axes: a layer of "channels_first" runs on images whose channels lie last.

A tensor's axes are numbered as in the file. In the model one of them may lie last instead, that of the channels.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from kerasbridge.importers.keras_files.ir import CHANNELS_FIRST, Model, Part

WITH_AXIS = {
    "BatchNormalization",
    "Concatenate",
    "EachBatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "Normalization",
    "Softmax",
    "UnitNormalization",
}
"""Layers with an argument `axis`, one or several."""

ELEMENTWISE = {
    "Activation", "ActivityRegularization", "AlphaDropout", "Dropout", "ELU", "GaussianDropout", "GaussianNoise",
    "Identity", "LeakyReLU", "PReLU", "ParametricSoftplus", "ReLU", "Rescaling", "SReLU", "ThresholdedReLU",
}  # fmt: skip
PARAMETRIC_ACTIVATIONS = {"PReLU", "ParametricSoftplus", "SReLU"}
"""Activations with weights of the shape of a sample, or with 1 for axes along which all have the same."""
MERGE = {"Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"}


class Value(NamedTuple):
    """A tensor of the model.

    Args:
        tensor: it.
        channels: the axis that lies last in it, by its number in the file; None where all lie as in the file.
    """

    tensor: Any
    channels: int | None = None

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return len(self.tensor.shape)

    def permutation_to(self, channels: int | None) -> tuple[int, ...]:
        """The permutation, for Keras's `Permute`, that makes another axis lie last; () where it lies there already."""
        now, then = axis_permutation(self.rank, self.channels), axis_permutation(self.rank, channels)
        return () if now == then else tuple(now.index(axis) for axis in then)[1:]


def axis_permutation(rank: int, channels: int | None) -> tuple[int, ...]:
    """The axes of the file in the order in which they lie in the model."""
    if channels is None:
        return tuple(range(rank))
    return (*(axis for axis in range(rank) if axis != channels), channels)


def input_channel_axis(part: Part, values: Sequence[Value]) -> int | None:
    """The axis that has to lie last in what a layer takes, or may as well."""
    rank, core, within = values[0].rank, part.inner or part, part.kind == "TimeDistributed"
    if core.data_format is not None:
        axis = channels_axis(part)
        return axis if core.data_format == CHANNELS_FIRST and axis < rank - 1 else None
    if part.kind in MERGE and len({value.rank for value in values}) > 1:
        return None
    if core.kind == "Activation" and core.options["activation"] in (("softmax",) if within else ()) + ("log_softmax",):
        return None
    if core.kind in ELEMENTWISE | WITH_AXIS | MERGE and not (within and values[0].channels == 1):
        return next((value.channels for value in values if value.channels is not None), None)
    return None


def channels_axis(part: Part) -> int:
    """The axis of the channels in the file, for a layer of "channels_first"."""
    core = part.inner or part
    return 1 + core.kind.startswith("ConvLSTM") + (part.kind == "TimeDistributed")


def output_channel_axis(part: Part, channels: int | None, before: int, after: int) -> int | None:
    """The axis that lies last in what a layer gives, which takes `before` axes and gives `after`."""
    core = part.inner or part
    if channels is None or core.kind == "Flatten" or (core.kind.startswith("Global") and after < before):
        return None
    return channels - (before - after)


def reindex_axes(options: dict[str, Any], part: Part, channels: int | None, rank: int) -> dict[str, Any]:
    """The options with axes as they lie in the model; `rank` and `channels` are of what the layer itself takes."""
    if channels is None:
        return options
    places = axis_permutation(rank, channels)
    moved = dict(options)
    if part.kind in WITH_AXIS:
        axis = options.get("axis", -1)
        moved["axis"] = [_place(one, places) for one in axis] if isinstance(axis, list) else _place(axis, places)
    if options.get("shared_axes"):
        moved["shared_axes"] = [places.index(axis) for axis in options["shared_axes"]]
    if options.get("noise_shape"):
        moved["noise_shape"] = [options["noise_shape"][axis] for axis in places]
    return moved


def _place(axis: int, places: Sequence[int]) -> int:
    place = places.index(axis % len(places))
    return -1 if place == len(places) - 1 else place


def image_data_formats(model: Model) -> dict[int, tuple[str, int]]:
    """By the number of axes of images their order in the file and the axis of their channels, where layers agree."""
    found: dict[int, set[tuple[str, int]]] = {}
    for rank, order, axis in _orders(model):
        found.setdefault(rank, set()).add((order, axis))
    return {rank: orders.pop() for rank, orders in found.items() if len(orders) == 1}


def _orders(model: Model) -> Iterator[tuple[int, str, int]]:
    for _, layer in model.all_layers():
        for part in layer.parts:
            core = part.inner or part
            windows = re.search("([123])D", core.kind)
            if core.data_format is not None and windows:
                axis = channels_axis(part)
                yield int(windows[1]) + 1 + axis, core.data_format, axis
