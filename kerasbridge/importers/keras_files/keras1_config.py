"""Convert the configurations of Keras 1 layers to those of Keras 2."""

from collections.abc import Callable, Mapping
from typing import Any

from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

Config = dict[str, Any]

_CLASSES = {
    "Convolution1D": "Conv1D",
    "AtrousConvolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "AtrousConvolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
}
_MERGE_MODES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
    "cos": "Cosine",
}
_ARGUMENTS = {
    "W_regularizer": "kernel_regularizer", "b_regularizer": "bias_regularizer",
    "U_regularizer": "recurrent_regularizer", "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint", "init": "kernel_initializer", "inner_init": "recurrent_initializer",
    "bias": "use_bias", "nb_filter": "filters", "border_mode": "padding", "dim_ordering": "data_format",
    "subsample": "strides", "subsample_length": "strides", "p": "rate", "inner_activation": "recurrent_activation",
    "dropout_W": "dropout", "dropout_U": "recurrent_dropout", "pool_length": "pool_size", "stride": "strides",
    "length": "size", "sigma": "stddev", "atrous_rate": "dilation_rate", "filter_length": "kernel_size",
    "nb_feature": "pieces",
}  # fmt: skip
_KERNEL_SIZES = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))


def upgrade_config(kind: str, config: Mapping[str, Any]) -> tuple[str, Config]:
    """Return the class and the configuration in Keras 2."""
    upgraded = {_ARGUMENTS.get(name, name): value for name, value in config.items()}
    for names in _KERNEL_SIZES:
        if names[0] in config:
            upgraded["kernel_size"] = [config[name] for name in names]
    if kind in _SPECIAL:
        upgraded = _SPECIAL[kind](upgraded)
    return _merge_class(config) if kind == "Merge" else _CLASSES.get(kind, kind), upgraded


def _merge_class(config: Mapping[str, Any]) -> str:
    if config.get("mode_type", "raw") != "raw" or config.get("mode") not in _MERGE_MODES:
        raise UnsupportedLayer("merges with a Python function, which is not run")
    return _MERGE_MODES[config["mode"]]


def _upgrade_merge(config: Config) -> Config:
    return {**config, "axis": config.get("concat_axis", -1), "axes": config.get("dot_axes", -1)}


def _upgrade_units(config: Config) -> Config:
    return {**config, "units": config.get("output_dim")}


def _upgrade_embedding(config: Config) -> Config:
    kernel = {name: value for name, value in config.items() if name.startswith("kernel_")}
    return {**config, **{f"embeddings_{name.removeprefix('kernel_')}": value for name, value in kernel.items()}}


def _upgrade_padding(*sides: str) -> Callable[[Config], Config]:
    """Return a function that converts `padding` to one number or a pair for each axis.

    Keras 1 accepts a number or pair for each axis, a list of all sides, or a dict of sides.

    Args:
        sides: the names of all sides.
    """

    def upgrade(config: Config) -> Config:
        padding = config.get("padding")
        if isinstance(padding, Mapping):
            padding = [padding.get(side, 0) for side in sides]
        if isinstance(padding, list) and len(padding) == len(sides):
            padding = [list(pair) for pair in zip(padding[::2], padding[1::2], strict=True)]
        return {**config, "padding": padding[0] if len(sides) == 2 and isinstance(padding, list) else padding}

    return upgrade


_SPECIAL: Mapping[str, Callable[[Config], Config]] = {
    **dict.fromkeys(("Dense", "TimeDistributedDense", "SimpleRNN", "LSTM", "GRU", "MaxoutDense"), _upgrade_units),
    "Embedding": _upgrade_embedding,
    "Merge": _upgrade_merge,
    "ZeroPadding1D": _upgrade_padding("left_pad", "right_pad"),
    "ZeroPadding2D": _upgrade_padding("top_pad", "bottom_pad", "left_pad", "right_pad"),
}
