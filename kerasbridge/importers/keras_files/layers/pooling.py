"""Pooling. Theano's "same" has windows of its own, and averages leave padding out."""

from collections.abc import Callable

from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import Said, Table
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer


def _pooling(kind: str, axes: int) -> Callable[[Said], Layer]:
    """What makes max or average pooling along some axes."""

    def layer(said: Said) -> Layer:
        window = said.numbers("pool_size", axes, 2)
        options = {"pool_size": window, "strides": said.numbers("strides", axes) if said.get("strides") else window}
        order = said.data_format(axes)
        padding = said.get("padding", "valid")
        if padding not in ("valid", "same"):
            raise UnsupportedLayer(f"has the padding {padding!r}")
        if padding == "valid" or max(window) == 1:
            return said.layer(Part(f"{kind}Pooling{axes}D", {**options, "padding": "valid"}, order))
        if said.origin.is_theano(said.name):
            return said.layer(Part(f"Ceil{kind}Pooling{axes}D", {**options, **_theano(kind, window)}, order))
        same = "SameAveragePooling" if kind == "Average" else "MaxPooling"
        padded = {} if kind == "Average" else {"padding": "same"}
        return said.layer(Part(f"{same}{axes}D", {**options, **padded}, order))

    return layer


def _theano(kind: str, window: tuple[int, ...]) -> dict[str, object]:
    """The cells around an image with which windows lie as Theano's do (`pool2d` of `keras/backend/theano_backend.py`).

    It pads by ``k - 2`` where k is odd and more than 2, else by ``k - 1``, on both sides, and takes the first
    ceil(n / stride) windows.
    """
    before = [size - 2 if size > 2 and size % 2 else size - 1 for size in window]
    sides = tuple((pad, size - 1 - pad) for pad, size in zip(before, window, strict=True))
    options = {"padding": sides, "overflow": (0,) * len(window)}
    return options | ({"count_padding": False} if kind == "Average" else {})


def _global(kind: str, axes: int) -> Callable[[Said], Layer]:
    def layer(said: Said) -> Layer:
        order = said.data_format(axes)
        return said.layer(Part(f"Global{kind}Pooling{axes}D", said.options("keepdims"), order))

    return layer


TABLE: Table = {f"{kind}Pooling{axes}D": _pooling(kind, axes) for kind in ("Max", "Average") for axes in (1, 2, 3)} | {
    f"Global{kind}Pooling{axes}D": _global(kind, axes) for kind in ("Max", "Average") for axes in (1, 2, 3)
}
