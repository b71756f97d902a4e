"""Models of other frameworks as Keras models: `kb.load_legacy`, `kb.inspect_legacy`, `preprocessing_layer`.

One package or file a format turns files into a `Graph` of `operations`, without Keras; `building` makes a Keras model
of any network, of stock layers and, where none says it, of `layers`. Formats that hold weights alone give `Parameters`,
which `placing` brings onto a Keras model that is there.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasbridge.errors import ArgumentError, LegacyFileError
from kerasbridge.importers import formats

if TYPE_CHECKING:
    from kerasbridge.importers.report import Preprocessing, Report

DATA_FORMATS = ("channels_last", "channels_first")


def load_legacy(
    *files: str | Path,
    format: str | None = None,  # noqa: A002
    model: Any = None,
    data_format: str = "channels_last",
    flip_kernels: bool | None = None,
    input_shape: Any = None,
    mapping: Mapping[str, str | Sequence[str] | None] | None = None,
) -> Any:
    """Make a Keras model of a trained model of another framework, or gives one its weights.

    Args:
        files: the files of one model, in any order; `format` tells which. They are not trusted: sizes are checked,
            nothing in them is run.
        format: "caffe" (.prototxt and .caffemodel), "matconvnet" (.mat), "torch7" (.t7, .net), "tensorflow" (the folder
            of a SavedModel, a frozen .pb, or the .meta or .index of a checkpoint, beside which the others lie),
            "keras1" or "keras2" (.h5, or .json and .h5), "pytorch" (.pt, .pth, .safetensors), "theano" (.npz, .pkl).
            Without it, it is found in the files; their names do not matter.
        model: a built Keras model, for files that hold weights alone, and for those of Keras 1 and 2 and of TensorFlow
            that hold a model which cannot be brought. It is changed and comes back; all is checked before anything is
            set.
        data_format: "channels_last" for a model that takes and gives images as (batch, height, width, channels);
            "channels_first" for one that takes and gives (batch, channels, height, width), as the old frameworks did.
        flip_kernels: whether the kernels of convolutions are to be turned in space, as those of Theano have to be. For
            files that do not say it themselves; an error asks where it has to be known.
        input_shape: the shape of what the model takes, without the batch and with the channels first whatever the
            data format: (3, 224, 224); a list of such for several inputs. For files that do not say it, an error asks
            where it has to be known; said of others, the model takes images of this size alone.
        mapping: with ``model``, what layers take where names, order and shapes do not settle it: by the name of the
            layer ("conv", "block/conv" in a model within the model) a module of the file ("features.0") or, of files
            without modules, the names of its arrays (["arr_0", "arr_1"]); None for a layer that keeps its weights,
            arrays that are then for no layer being left out. A few layers often settle all others.

    Returns:
        An ordinary functional Keras model, not compiled, with one output or a list of them in the order that
        `inspect_legacy` tells. Where no layer needs to know the size of an image, it takes any. To open a .keras file
        of one that has layers of kerasbridge's, ``import kerasbridge.layers`` first.

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
    made, _ = import_model(
        *files,
        format=format,
        model=model,
        data_format=data_format,
        flip_kernels=flip_kernels,
        input_shape=input_shape,
        mapping=mapping,
    )
    return made


def import_model(
    *files: str | Path,
    format: str | None,  # noqa: A002
    model: Any,
    data_format: str,
    flip_kernels: bool | None,
    input_shape: Any,
    mapping: Mapping[str, str | Sequence[str] | None] | None,
) -> "tuple[Any, Report]":
    """What `load_legacy` and `inspect_legacy` give, of files that are read once."""
    _check_data_format(data_format)
    reading = formats.read(files, format, flip_kernels, input_shape, onto=model is not None)
    if reading.content is None:
        raise LegacyFileError(reading.lacking)
    from kerasbridge.importers.build_model import build_model

    return build_model(reading, model, data_format, mapping)  # type: ignore[arg-type]


def inspect_legacy(
    *files: str | Path,
    format: str | None = None,  # noqa: A002
    model: Any = None,
    flip_kernels: bool | None = None,
    input_shape: Any = None,
    mapping: Mapping[str, str | Sequence[str] | None] | None = None,
) -> "Report":
    """Says what `load_legacy` would bring, without building it, and, where no model is given, without Keras.

    Args:
        files: the files of one model; of Caffe's, one of the two will do.
        format, model, flip_kernels, input_shape, mapping: as for `load_legacy`. The model is not changed.

    Returns:
        What is brought, replaced and dropped, and which scaling of the input the files mention; of files that hold
        weights alone their arrays, and with a model which of them each layer takes: to print, or ``.as_dict()``.

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
    reading = formats.read(files, format, flip_kernels, input_shape, onto=model is not None)
    if model is None and mapping is None:
        return reading.report
    from kerasbridge.importers.build_model import report_with_mapping

    return report_with_mapping(reading, model, mapping)


def preprocessing_layer(said: "Preprocessing", data_format: str = "channels_last") -> Any:
    """Make a Keras layer of the scaling that a file mentions.

    Args:
        said: one of ``inspect_legacy(…).preprocessing``. Its mean and its scale become the layer; images have to have
            the size, and their channels the order, that it tells.
        data_format: as for `load_legacy`.

    Returns:
        A `keras.layers.Rescaling`, for images of any number type: to put before the model, as in
        ``keras.Sequential([layer, model])``, or to prepare data with.

    Raises:
        ArgumentError: the mean that is to be subtracted lies in another file, which `said` names.

    Example:
        >>> from kerasbridge.importers import preprocessing_layer
        >>> from kerasbridge.importers.report import Preprocessing
        >>> layer = preprocessing_layer(Preprocessing("data", means=(100.0, 50.0, 0.0), scale=0.5))
        >>> import numpy as np
        >>> [float(number) for number in layer(np.full((1, 1, 1, 3), 100.0))[0, 0, 0]]
        [0.0, 25.0, 50.0]
    """
    _check_data_format(data_format)
    from kerasbridge.importers.preprocessing import rescaling

    return rescaling(said, data_format)


def _check_data_format(data_format: str) -> None:
    if data_format not in DATA_FORMATS:
        raise ArgumentError(f"Expected data_format to be {' or '.join(DATA_FORMATS)}, received {data_format!r}.")
