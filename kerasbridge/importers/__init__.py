"""Models of other frameworks as Keras models: `kb.load_legacy`, `kb.inspect_legacy`.

One package or file a format turns files into a `Network` of `operations`, without Keras; `building` makes a Keras model
of any network, of stock layers and, where none says it, of `layers`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasbridge.errors import ArgumentError, LegacyFileError
from kerasbridge.importers import formats

if TYPE_CHECKING:
    from kerasbridge.importers.report import Report

LAYOUTS = ("channels_last", "channels_first")


def load_legacy(
    *files: str | Path,
    format: str | None = None,  # noqa: A002
    model: Any = None,
    layout: str = "channels_last",
    flip_kernels: bool | None = None,
    input_shape: Any = None,
) -> Any:
    """Makes a Keras model of a trained model of another framework.

    Args:
        files: the files of one model, in any order: for Caffe the .prototxt and the .caffemodel, for Keras 1 and 2 an
            .h5, or a .json and the .h5 of its weights, for TensorFlow the folder of a SavedModel, a frozen graph (.pb),
            or the .meta of a checkpoint, beside which the others lie. They are not
            trusted: sizes are checked, nothing in them is run.
        format: "caffe", "keras1", "keras2", "tensorflow", "torch7". Without it, it is found in the files; their names
            do not matter.
        model: a built Keras model, for files that hold weights alone. It is changed, and comes back.
        layout: "channels_last" for a model that takes and gives images as (batch, height, width, channels);
            "channels_first" for one that takes and gives (batch, channels, height, width), as the old frameworks did.
        flip_kernels: whether the kernels of convolutions are to be turned in space, as those of Theano have to be. For
            files that do not say it themselves; an error asks where it has to be known.
        input_shape: the shape of what the model takes, without the batch and with the channels first whatever the
            layout: (3, 224, 224); a list of such for several inputs. For files that do not say it, an error asks where
            it has to be known; said of others, the model takes images of this size alone.

    Returns:
        An ordinary functional Keras model, not compiled, with one output or a list of them in the order that
        `inspect_legacy` tells. Where no layer needs to know the size of an image, it takes any. To open a .keras file
        of one that has layers of kerasbridge's, ``import kerasbridge.importers.layers`` first.

    Raises:
        LegacyFileError: a file is not what it should be, or holds layers that cannot be brought; all are named.
        ArgumentError: an argument is not what it may be.
        PackageNotInstalled: ``pip install "kerasbridge[legacy]"``.

    Example:
        >>> import tempfile, pathlib
        >>> import kerasbridge as kb
        >>> net = 'input: "data" input_dim: 1 input_dim: 1 input_dim: 4 input_dim: 4 layer { name: "p" type: "Pooling" '
        >>> net += 'bottom: "data" top: "p" pooling_param { kernel_size: 2 stride: 2 } }'
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "net.prototxt")
        ...     _ = file.write_text(net)
        ...     model = kb.load_legacy(file)
        >>> model.output_shape
        (None, None, None, 1)
    """
    if layout not in LAYOUTS:
        raise ArgumentError(f"Expected the layout {' or '.join(LAYOUTS)}, received {layout!r}.")
    reading = formats.read(files, format, flip_kernels, input_shape)
    if reading.content is None:
        raise LegacyFileError(reading.lacking)
    from kerasbridge.importers.making import make

    return make(reading, model, layout)  # type: ignore[arg-type]


def inspect_legacy(
    *files: str | Path,
    format: str | None = None,  # noqa: A002
    flip_kernels: bool | None = None,
    input_shape: Any = None,
) -> "Report":
    """Says what `load_legacy` would bring, without building it, and without Keras.

    Args:
        files: the files of one model; of Caffe's, one of the two will do.
        format: "caffe", "keras1", "keras2", "tensorflow", "torch7"; without it, it is found in the files.
        flip_kernels, input_shape: as for `load_legacy`.

    Returns:
        What is brought, replaced and dropped, and which scaling of the input the files mention: to print, or
        ``.as_dict()``.

    Raises:
        LegacyFileError: a file is not what it should be, or holds layers that cannot be brought; all are named.
        ArgumentError: an argument is not what it may be.
        PackageNotInstalled: ``pip install "kerasbridge[legacy]"``.

    Example:
        >>> import tempfile, pathlib
        >>> import kerasbridge as kb
        >>> net = 'layer { name: "digits" type: "Data" top: "data" transform_param { scale: 0.00390625 } }'
        >>> net += 'layer { name: "r" type: "ReLU" bottom: "data" top: "data" }'
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "net.prototxt")
        ...     _ = file.write_text(net)
        ...     report = kb.inspect_legacy(file)
        >>> print(*report.preprocessing)
        digits: multiplies by 0.00390625
    """
    return formats.read(files, format, flip_kernels, input_shape).report
