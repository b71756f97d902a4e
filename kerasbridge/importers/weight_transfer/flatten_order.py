"""In which order numbers lie: where a Keras model flattens H, W, C, the old frameworks flatten C, H, W.

Each tensor of a model has an order: how its axes lie to those of the file's framework, or, for rows of numbers, which
number of the file's each one is. They are followed from layer to layer, and back from where rows become images.
"""

from collections.abc import Mapping, Sequence

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.axis_propagation import (
    UNCHANGED,
    AxisOrder,
    channels_last,
    flatten_index,
    is_reshape,
    is_spatial,
    keeps_order,
    per_step_layer,
    propagate,
    shape_of,
)
from kerasbridge.importers.weight_transfer.model_graph import LayerNode, NotAssignable
from kerasbridge.keras_compat import keras

L = keras.layers


class AxisOrders:
    """The order of what each place of a model gives.

    Args:
        places: each after those that it takes from.
        channels: of the images that the model takes, 0 where it takes none or that is not known.
    """

    def __init__(self, places: Sequence[LayerNode], channels: int = 0) -> None:
        self._after: dict[LayerNode, AxisOrder] = {}
        self._channels: dict[LayerNode, int] = {}
        self._taken = channels
        wanted = _wanted(places)
        for place in places:
            given = [self._after[one] for one in place.inputs] or [UNCHANGED]
            self._after[place] = propagate(place, given, wanted.get(place))
            self._channels[place] = self._reaching(place)

    def given(self, place: LayerNode) -> AxisOrder:
        """What a place takes first."""
        return self._after[place.inputs[0]] if place.inputs else UNCHANGED

    def made(self, place: LayerNode) -> AxisOrder:
        """What a place gives."""
        return self._after[place]

    def index(self, place: LayerNode, count: int, made: bool = False) -> Array | None:
        """Which of the file's numbers each number is that a place takes, or gives; None where all are in their places.

        Raises:
            CannotTake: it cannot be found.
        """
        order = self.made(place) if made else self.given(place)
        if order.lost and not made:
            channels = max((self._channels[one] for one in place.inputs), default=0)
            if channels > 1 and count != channels:
                raise NotAssignable(
                    f"takes {count} numbers of images of {channels} channels, and in which order cannot be found, as "
                    f"{order.lost} lies between: put a Flatten of a functional or sequential model there"
                )
        if order.index is not None and len(order.index) != count:
            raise NotAssignable(f"takes {count} numbers where {len(order.index)} come")
        return order.index

    def _reaching(self, place: LayerNode) -> int:
        """The channels of the last images on the way to a place, 0 where there were none."""
        layer = per_step_layer(place.layer)
        if isinstance(layer, L.DepthwiseConv1D | L.DepthwiseConv2D):
            return int(layer.kernel.shape[-2] * layer.kernel.shape[-1])
        if getattr(layer, "filters", None) and hasattr(layer, "kernel_size"):
            return int(layer.filters)
        if isinstance(layer, L.Dense | L.RNN | L.Embedding):
            return 0
        return max((self._channels[one] for one in place.inputs), default=self._taken)


def _wanted(places: Sequence[LayerNode]) -> Mapping[LayerNode, Array]:
    """The order in which a dense layer has to give its numbers, where these become images later on."""
    found: dict[LayerNode, Array] = {}
    if any(getattr(per_step_layer(place.layer), "data_format", None) == "channels_first" for place in places):
        return found
    for place in places:
        shape = shape_of(place) if is_reshape(place.layer) else None
        if shape is None or len(shape) < 2 or not all(shape) or len(shape_of(place, taken=True) or ()) != 1:
            continue
        if len(shape) == 2 and not _becomes_signals(place, places):
            continue
        source = _source(place)
        index = flatten_index(shape, channels_last(len(shape)))
        if source is not None and isinstance(source.layer, L.Dense) and index is not None:
            found[source] = index
    return found


def _source(place: LayerNode) -> LayerNode | None:
    """What made the numbers that a place takes, before activations and normalisations."""
    source = place.inputs[0] if place.inputs else None
    while source is not None and keeps_order(source.layer) and source.inputs:
        source = source.inputs[0]
    return source


def _becomes_signals(place: LayerNode, places: Sequence[LayerNode]) -> bool:
    """Whether what a place gives goes to a convolution or the like, and not to a layer that takes steps of time."""
    return any(is_spatial(other.layer) and _source(other) is place for other in places)
