"""Pooling. On Theano, "same" has other windows; averages never include the padding."""

from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import LayerConfig, converts
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer


@converts(
    "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D"
)  # fmt: skip
def pooling(config: LayerConfig) -> Layer:
    """Convert max and average pooling."""
    pool_size = config.sizes("pool_size", 2)
    options = {"pool_size": pool_size, "strides": config.sizes("strides") if config.get("strides") else pool_size}
    data_format = config.data_format()
    padding = config.get("padding", "valid")
    if padding not in ("valid", "same"):
        raise UnsupportedLayer(f"has the padding {padding!r}")
    if padding == "valid" or max(pool_size) == 1:
        return config.layer(Part(config.kind, {**options, "padding": "valid"}, data_format))
    is_average = config.kind.startswith("Average")
    if config.origin.ran_on_theano(config.name):
        theano = _theano_padding(pool_size) | ({"count_padding": False} if is_average else {})
        return config.layer(Part(f"Ceil{config.kind}", {**options, **theano}, data_format))
    if is_average:
        return config.layer(Part(f"Same{config.kind}", options, data_format))
    return config.layer(Part(config.kind, {**options, "padding": "same"}, data_format))


def _theano_padding(pool_size: tuple[int, ...]) -> dict[str, object]:
    """Return the padding that gives the windows of Theano (`pool2d` of `keras/backend/theano_backend.py`).

    Keras pads by ``k - 2`` if k is odd and more than 2, else by ``k - 1``, on both sides, and takes the first
    ceil(n / stride) windows.
    """
    before = [size - 2 if size > 2 and size % 2 else size - 1 for size in pool_size]
    sides = tuple((pad, size - 1 - pad) for pad, size in zip(before, pool_size, strict=True))
    return {"padding": sides, "overflow": (0,) * len(pool_size)}


@converts(
    "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D",
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D",
)  # fmt: skip
def global_pooling(config: LayerConfig) -> Layer:
    """Convert global max and average pooling."""
    return config.same_layer("keepdims", data_format=config.data_format())
