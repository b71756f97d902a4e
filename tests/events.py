"""Read event files with the reader of TensorBoard, without TensorFlow."""

import io
import sys
import types

import numpy as np
from PIL import Image


def read(folder):
    """Return the contents of the event files in a folder: by (plugin, tag), a list of (step, array)."""
    if "tensorflow" not in sys.modules:
        sys.modules["tensorboard.compat.notf"] = types.ModuleType("tensorboard.compat.notf")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    assert not any(events.Tags()[kind] for kind in ("scalars", "histograms", "images"))  # of the first version
    return {
        (events.SummaryMetadata(tag).plugin_data.plugin_name, tag): [
            (event.step, make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)
        ]
        for tag in events.Tags()["tensors"]
    }


def scalars(folder):
    """Return the curves in a folder: by tag, a list of (step, number)."""
    found = {tag: points for (plugin, tag), points in read(folder).items() if plugin == "scalars"}
    return {tag: [(step, value.item()) for step, value in points] for tag, points in found.items()}


def pixels(image):
    """Return the pixels of the first image of a point: shape (height, width) or (height, width, channels)."""
    width, height, png, *_ = image
    decoded = np.asarray(Image.open(io.BytesIO(png)))
    assert decoded.shape[:2] == (int(height), int(width))
    return decoded
