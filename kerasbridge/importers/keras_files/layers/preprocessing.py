"""Layers that prepare numbers for others, and those that had a part in training alone."""

from collections.abc import Callable

from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import Said, Table
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer


def _category_encoding(said: Said) -> Layer:
    """TensorFlow 2.3 to 2.5 called the number of tokens max_tokens, and "multi_hot" "binary"."""
    if said.get("sparse") or said.get("output_mode") == "tf-idf":
        raise UnsupportedLayer("gives sparse tensors or tf-idf, which is not brought")
    mode = {"binary": "multi_hot"}.get(said.get("output_mode", "multi_hot"), said.get("output_mode", "multi_hot"))
    tokens = said.get("num_tokens", said.get("max_tokens"))
    return said.layer(Part("CategoryEncoding", {**said.options(), "num_tokens": tokens, "output_mode": mode}))


def _discretization(said: Said) -> Layer:
    """Its type of numbers is left out: it is of what it gives in Keras 2, of what it takes too in Keras 3."""
    boundaries = said.get("bin_boundaries")
    if not boundaries or said.get("sparse"):
        raise UnsupportedLayer(
            "gives sparse tensors, or has no bin_boundaries: it found them in data, and the file has them not"
        )
    options = {"output_mode": said.get("output_mode", "int"), "bin_boundaries": [float(one) for one in boundaries]}
    return said.layer(Part("Discretization", options))


def _left_out(note: str) -> Callable[[Said], Layer]:
    """What makes nothing of a layer that gives what it takes outside of training."""

    def layer(said: Said) -> Layer:
        return said.layer(Part("Identity"), notes=(note,))

    return layer


TABLE: Table = {
    "CategoryEncoding": _category_encoding,
    "Discretization": _discretization,
    "RandomHeight": _left_out("heights at random are left out; they are for training alone"),
    "RandomWidth": _left_out("widths at random are left out; they are for training alone"),
    "AddLoss": _left_out("the loss that it added is left out; it is for training alone"),
    "AddMetric": _left_out("the metric that it added is left out; it is for training alone"),
}
