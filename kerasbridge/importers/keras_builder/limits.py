"""A limit on the number of layers of a model."""

from kerasbridge.errors import LegacyFileError

MAX_LAYERS = 10_000
"""The maximum number of layers; ResNet-1001 has about 3,500."""


def check_num_layers(num_layers: int) -> None:
    """Raise LegacyFileError if there are more layers than Keras can build in reasonable time."""
    if num_layers > MAX_LAYERS:
        raise LegacyFileError(f"The network has {num_layers:,} layers: expected at most {MAX_LAYERS:,}.")
