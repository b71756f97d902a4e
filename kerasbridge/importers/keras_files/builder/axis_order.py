"""The order of axes: a layer with "channels_first" runs on images with the channels last.

Axes are numbered as in the file. In the model, one axis of a tensor, its channel axis, can be moved to the end.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from kerasbridge.importers.keras_files.ir import CHANNELS_FIRST, Model, Part

WITH_AXIS = {
    "BatchNormalization", "Concatenate", "EachBatchNormalization", "GroupNormalization", "LayerNormalization",
    "Normalization", "Softmax", "UnitNormalization",
}  # fmt: skip
"""Layers with an argument `axis`, for one axis or several."""

ELEMENTWISE = {
    "Activation", "ActivityRegularization", "AlphaDropout", "Dropout", "ELU", "GaussianDropout", "GaussianNoise",
    "Identity", "LeakyReLU", "PReLU", "ParametricSoftplus", "ReLU", "Rescaling", "SReLU", "ThresholdedReLU",
}  # fmt: skip
PARAMETRIC_ACTIVATIONS = {"PReLU", "ParametricSoftplus", "SReLU"}
"""Activations whose weights have the shape of a sample, with size 1 for axes that share them."""

MERGE = {"Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"}


class Value(NamedTuple):
    """A tensor of the model.

    Args:
        tensor: the Keras tensor.
        channels: the axis that was moved to the end, by its number in the file; None for the order of the file.
    """

    tensor: Any
    channels: int | None = None

    @property
    def rank(self) -> int:
        """Return the number of axes."""
        return len(self.tensor.shape)

    def permutation_to(self, channels: int | None) -> tuple[int, ...]:
        """Return the `dims` of the Permute that moves another axis to the end; () if it is there already."""
        source, target = axis_permutation(self.rank, self.channels), axis_permutation(self.rank, channels)
        return () if source == target else tuple(source.index(axis) for axis in target)[1:]


def axis_permutation(rank: int, channels: int | None) -> tuple[int, ...]:
    """Return the axes of the file in their order in the model."""
    if channels is None:
        return tuple(range(rank))
    return (*(axis for axis in range(rank) if axis != channels), channels)


def input_channel_axis(part: Part, values: Sequence[Value]) -> int | None:
    """Return the axis that is at the end in the inputs of a layer; None for the order of the file."""
    rank, core, is_distributed = values[0].rank, part.core, part.kind == "TimeDistributed"
    if core.data_format is not None:
        axis = channels_axis(part)
        return axis if core.data_format == CHANNELS_FIRST and axis < rank - 1 else None
    if part.kind in MERGE and len({value.rank for value in values}) > 1:
        return None
    last_axis_activations = ("softmax", "log_softmax") if is_distributed else ("log_softmax",)
    if core.kind == "Activation" and core.options["activation"] in last_axis_activations:
        return None
    if core.kind in ELEMENTWISE | WITH_AXIS | MERGE and not (is_distributed and values[0].channels == 1):
        return next((value.channels for value in values if value.channels is not None), None)
    return None


def channels_axis(part: Part) -> int:
    """Return the channel axis in the file of a layer with "channels_first"."""
    return 1 + part.core.kind.startswith("ConvLSTM") + (part.kind == "TimeDistributed")


def output_channel_axis(part: Part, channels: int | None, input_rank: int, output_rank: int) -> int | None:
    """Return the axis that is at the end in the output of a layer, given that of its input."""
    kind = part.core.kind
    if channels is None or kind == "Flatten" or (kind.startswith("Global") and output_rank < input_rank):
        return None
    return channels - (input_rank - output_rank)


def reindex_axes(options: dict[str, Any], part: Part, channels: int | None, rank: int) -> dict[str, Any]:
    """Return the options of a layer with axes as they are in the model.

    Args:
        channels, rank: of the input of the layer itself, without the axis of a TimeDistributed around it.
    """
    if channels is None:
        return options
    axes = axis_permutation(rank, channels)
    reindexed = dict(options)
    if part.kind in WITH_AXIS:
        axis = options.get("axis", -1)
        reindexed["axis"] = [_reindex(one, axes) for one in axis] if isinstance(axis, list) else _reindex(axis, axes)
    if options.get("shared_axes"):
        reindexed["shared_axes"] = [axes.index(axis) for axis in options["shared_axes"]]
    if options.get("noise_shape"):
        reindexed["noise_shape"] = [options["noise_shape"][axis] for axis in axes]
    return reindexed


def _reindex(axis: int, axes: Sequence[int]) -> int:
    index = axes.index(axis % len(axes))
    return -1 if index == len(axes) - 1 else index


def image_data_formats(model: Model) -> dict[int, tuple[str, int]]:
    """Return the data format and the channel axis of images in the file, by their rank, if all layers agree."""
    formats: dict[int, set[tuple[str, int]]] = {}
    for rank, data_format, axis in _layer_data_formats(model):
        formats.setdefault(rank, set()).add((data_format, axis))
    return {rank: options.pop() for rank, options in formats.items() if len(options) == 1}


def _layer_data_formats(model: Model) -> Iterator[tuple[int, str, int]]:
    for _, layer in model.all_layers():
        for part in layer.parts:
            spatial_rank = re.search("([123])D", part.core.kind)
            if part.core.data_format is not None and spatial_rank:
                axis = channels_axis(part)
                yield int(spatial_rank[1]) + 1 + axis, part.core.data_format, axis
