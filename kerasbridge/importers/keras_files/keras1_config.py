"""Keras 1's configurations of layers in the words of Keras 2."""

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
_MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
    "cos": "Cosine",
}
_WORDS = {
    "W_regularizer": "kernel_regularizer", "b_regularizer": "bias_regularizer",
    "U_regularizer": "recurrent_regularizer", "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint", "init": "kernel_initializer", "inner_init": "recurrent_initializer",
    "bias": "use_bias", "nb_filter": "filters", "border_mode": "padding", "dim_ordering": "data_format",
    "subsample": "strides", "subsample_length": "strides", "p": "rate", "inner_activation": "recurrent_activation",
    "dropout_W": "dropout", "dropout_U": "recurrent_dropout", "pool_length": "pool_size", "stride": "strides",
    "length": "size", "sigma": "stddev", "atrous_rate": "dilation_rate", "filter_length": "kernel_size",
    "nb_feature": "pieces",
}  # fmt: skip
_SIZES = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))


def upgrade_config(kind: str, config: Mapping[str, Any]) -> tuple[str, Config]:
    """The class and the configuration as Keras 2 would write them."""
    words = {_WORDS.get(name, name): value for name, value in config.items()}
    for names in _SIZES:
        if names[0] in config:
            words["kernel_size"] = [config[name] for name in names]
    words = _SPECIAL.get(kind, _same)(words)
    if kind == "Merge":
        return _merging(words), words
    return _CLASSES.get(kind, kind), words


def _same(words: Config) -> Config:
    return words


def _merging(words: Config) -> str:
    if words.get("mode_type", "raw") != "raw" or words.get("mode") not in _MERGES:
        raise UnsupportedLayer("merges by a function in Python, which is not run")
    return _MERGES[words["mode"]]


def _merge(words: Config) -> Config:
    return {**words, "axis": words.get("concat_axis", -1), "axes": words.get("dot_axes", -1)}


def _units(words: Config) -> Config:
    return {**words, "units": words.get("output_dim")}


def _embedding(words: Config) -> Config:
    kept = {f"embeddings_{name.removeprefix('kernel_')}": words[name] for name in words if name.startswith("kernel_")}
    return {**words, **kept}


def _padding(*names: str) -> Callable[[Config], Config]:
    """Paddings or croppings as pairs, one for each axis, from a number, pairs, all sides in turn or a dict of sides."""

    def pairs(words: Config) -> Config:
        given = words.get("padding")
        if isinstance(given, Mapping):
            given = [given.get(name, 0) for name in names]
        if isinstance(given, list) and len(given) == len(names):
            given = [list(pair) for pair in zip(given[::2], given[1::2], strict=True)]
        return {**words, "padding": given[0] if len(names) == 2 and isinstance(given, list) else given}

    return pairs


_SPECIAL: Mapping[str, Callable[[Config], Config]] = {
    "Merge": _merge,
    "Dense": _units, "TimeDistributedDense": _units, "SimpleRNN": _units, "LSTM": _units, "GRU": _units,
    "MaxoutDense": _units,
    "Embedding": _embedding,
    "ZeroPadding1D": _padding("left_pad", "right_pad"),
    "ZeroPadding2D": _padding("top_pad", "bottom_pad", "left_pad", "right_pad"),
}  # fmt: skip
