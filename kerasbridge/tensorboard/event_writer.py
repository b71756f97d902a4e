"""Writer of TensorBoard event files without TensorFlow: scalars, histograms, images, texts and models.

The `tensorboard` package contains the record and message formats (`tensorboard/compat/proto/event.proto`); importing
this module without it raises `PackageNotInstalled`.
"""

import io
import itertools
import os
import platform
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import ArgumentError, PackageNotInstalled

try:
    from PIL import Image
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.plugins.histogram.metadata import create_summary_metadata as histogram_metadata
    from tensorboard.plugins.image.metadata import create_summary_metadata as image_metadata
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.plugins.text.summary_v2 import text_pb
    from tensorboard.summary.writer.record_writer import RecordWriter
    from tensorboard.util.tensor_util import make_tensor_proto
except ImportError as missing:
    raise PackageNotInstalled.needed(
        "TensorBoard's event files need", "tensorboard", "tensorboard", missing
    ) from missing

BUCKETS = 30
"""Number of buckets of a histogram, as in `tf.summary.histogram`."""

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""The PIL mode of an image by its number of channels."""

_file_numbers = itertools.count()


class EventFile:
    """A new event file in a folder; each value is flushed to the file when its method returns.

    Args:
        folder: folder of the file; it is created with its parents if it does not exist.

    Raises:
        ArgumentError: the folder is on another machine, as in ``gs://…``.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = EventFile(folder)
        ...     file.scalar("loss", 0.25, step=1)
        ...     file.close()
    """

    def __init__(self, folder: str | Path) -> None:
        if "://" in str(folder):
            raise ArgumentError(
                f"Expected a folder on this machine for TensorBoard, received {str(folder)!r}. "
                "TensorFlow writes there: `import tensorflow` before training."
            )
        Path(folder).mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{platform.node()}.{os.getpid()}.{next(_file_numbers)}.v2"
        file = (Path(folder) / name).open("xb")
        self._records = RecordWriter(file)
        self._close = weakref.finalize(self, file.close)
        self._write(Event(file_version="brain.Event:2"))

    def scalar(self, tag: str, value: Any, step: int) -> None:
        """Add one number to the curve `tag`."""
        self._add(scalar_pb(tag, np.asarray(value).astype(np.float32)), step)

    def histogram(self, tag: str, values: Any, step: int) -> None:
        """Add the histogram of an array of any shape."""
        self._add_tensor(tag, make_tensor_proto(buckets(values)), histogram_metadata(None, None), step)

    def image(self, tag: str, images: Any, step: int, max_images: int = 3) -> None:
        """Add the first `max_images` images of shape (images, height, width, channels): float from 0 to 1, or uint8."""
        _, height, width, _ = np.shape(images)
        encoded = [
            str(width).encode(),
            str(height).encode(),
            *map(_png, images[:max_images]),
        ]
        self._add_tensor(tag, make_tensor_proto(encoded, dtype=np.object_), image_metadata(None, None), step)

    def text(self, tag: str, markdown: str, step: int) -> None:
        """Add a text in Markdown."""
        self._add(text_pb(tag, markdown), step)

    def model(self, tag: str, config: str, step: int) -> None:
        """Add a Keras model, given as JSON, which TensorBoard draws as a graph."""
        plugin = SummaryMetadata.PluginData(plugin_name="graph_keras_model", content=b"1")
        self._add_tensor(tag, make_tensor_proto(config, dtype=np.object_), SummaryMetadata(plugin_data=plugin), step)

    def close(self) -> None:
        """Close the file; if it is closed, do nothing."""
        self._close()

    def _add_tensor(self, tag: str, tensor: Any, metadata: Any, step: int) -> None:
        self._add(Summary(value=[Summary.Value(tag=tag, tensor=tensor, metadata=metadata)]), step)

    def _add(self, summary: Any, step: int) -> None:
        self._write(Event(step=step, summary=summary))

    def _write(self, event: Any) -> None:
        event.wall_time = time.time()
        self._records.write(event.SerializeToString())
        self._records.flush()


def buckets(values: Any) -> NDArray[np.float64]:
    """Return the histogram of the finite values, in the format of version 2 of the TensorBoard histogram plugin.

    Args:
        values: numbers in an array of any shape.

    Returns:
        Shape (30, 3): left edge, right edge and count of buckets of equal width. If all values are equal, so are all
        edges, and the last bucket has the count; if there are no finite values, everything is 0.

    >>> buckets([0.0, 1.0, 1.0])[[0, -1], 2]
    array([1., 2.])
    """
    finite = np.asarray(values).astype(np.float64).ravel()
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        return np.zeros((BUCKETS, 3))
    low, high = finite.min(), finite.max()
    width = (high - low) / BUCKETS
    indices = np.floor((finite - low) / width).astype(int) if width else np.full(finite.shape, BUCKETS)
    counts = np.bincount(np.minimum(indices, BUCKETS - 1), minlength=BUCKETS)
    edges = np.linspace(low, high, BUCKETS + 1)
    return np.stack([edges[:-1], edges[1:], counts], axis=1)


def _png(image: Any) -> bytes:
    """Encode an image as PNG; floats are rounded as by `tf.image.convert_image_dtype`."""
    levels = np.asarray(image)
    if levels.dtype != np.uint8:
        levels = np.clip(levels.astype(np.float32) * 255.5, 0, 255).astype(np.uint8)
    channels = levels.shape[-1]
    if channels not in MODES:
        raise ArgumentError(f"Expected images of 1 to 4 channels in their last dimension, received {channels}.")
    file = io.BytesIO()
    Image.fromarray(levels[..., 0] if channels == 1 else levels).save(file, "png")
    return file.getvalue()
