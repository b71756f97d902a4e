"""Import models and weights of other frameworks: `import_model`, `import_weights`, `inspect_import`.

Each format has a package that converts files to an `ir.graph.Graph` without importing Keras; `keras_builder` builds a
Keras model from the graph, with stock layers where possible and `kerasbridge.layers` elsewhere. Formats that contain
only weights return `ir.weights.Parameters`, which `weight_transfer` copies into an existing Keras model.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasbridge.errors import ArgumentError, LegacyFileError
from kerasbridge.files.budget import reading
from kerasbridge.importers import formats

if TYPE_CHECKING:
    from kerasbridge.importers.report import Preprocessing, Report

DATA_FORMATS = ("channels_last", "channels_first")


def import_model(
    *files: str | Path,
    format: str | None = None,  # noqa: A002
    data_format: str = "channels_last",
    flip_kernels: bool | None = None,
    input_shape: Any = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> Any:
    """Load a trained model of another framework as a Keras model.

    Args:
        files: the files of one model, in any order; see `format`. They are not trusted: sizes are checked, and no code
            in them is executed.
        format: "caffe" (.prototxt and .caffemodel), "matconvnet" (.mat), "torch7" (.t7, .net), "tensorflow" (the folder
            of a SavedModel, a frozen .pb, or the .meta or .index of a checkpoint, with its other files in the same
            folder), "keras1" or "keras2" (.h5, or .json and .h5). Files of "pytorch" and "theano" contain only weights:
            `import_weights`. By default the format is detected from the contents of the files; their names do not
            matter.
        data_format: "channels_last" for a model with images as (batch, height, width, channels); "channels_first" for
            (batch, channels, height, width), as in the older frameworks.
        flip_kernels: whether to flip the kernels of convolutions along height and width, as Theano kernels require. For
            files that do not record it; an error asks for it when it is needed.
        input_shape: the shape of the input without the batch, channels first whatever the data format: (3, 224, 224);
            a list of shapes for several inputs. For files that do not record it, an error asks for it when it is
            needed; for other files, it restricts the model to images of this size.
        inputs: for TensorFlow graphs, the names of the inputs that are wanted, in this order: placeholders, or any
            other nodes whose shape the file records; or inputs of the signature. By default, those of the signature, or
            all placeholders of batches except labels.
        outputs: for TensorFlow graphs, the names of the nodes that are wanted as outputs, such as ["scores"], or of
            outputs of the signature. By default, those of the signature, or what is left of the graph without its nodes
            for training, which `inspect_import` lists.

    Returns:
        A functional Keras model, not compiled, with one output or a list of outputs in the order that `inspect_import`
        reports. It accepts images of any size unless a layer requires a fixed size. To load a .keras file of a model
        with kerasbridge layers, ``import kerasbridge.layers`` first.

    Raises:
        LegacyFileError: a file is invalid, or contains layers that cannot be converted; the message names all of them.
        ArgumentError: an argument is invalid, or the files contain only weights.
        PackageNotInstalled: ``pip install "kerasbridge[legacy]"``.

    Example:
        >>> import tempfile, pathlib
        >>> import kerasbridge as kb
        >>> net = 'input: "data" input_dim: 1 input_dim: 1 input_dim: 4 input_dim: 4 layer { name: "p" type: "Pooling" '
        >>> net += 'bottom: "data" top: "p" pooling_param { kernel_size: 2 stride: 2 } }'
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "net.prototxt")
        ...     _ = file.write_text(net)
        ...     model = kb.import_model(file)
        >>> model.output_shape
        (None, None, None, 1)
    """
    return load_legacy(
        *files,
        format=format,
        data_format=data_format,
        flip_kernels=flip_kernels,
        input_shape=input_shape,
        inputs=inputs,
        outputs=outputs,
    )


def import_weights(
    model: Any,
    *files: str | Path,
    format: str | None = None,  # noqa: A002
    flip_kernels: bool | None = None,
    mapping: Mapping[str, str | Sequence[str] | None] | None = None,
) -> Any:
    """Load trained weights of another framework into an existing Keras model.

    Args:
        model: a built Keras model. It is modified and returned; everything is checked before any weight is set.
        files: files that contain only weights, such as a PyTorch state_dict, or those of a Keras 1, Keras 2 or
            TensorFlow model that cannot be converted. They are not trusted.
        format: "pytorch" (.pt, .pth, .safetensors), "theano" (.npz, .pkl), or one of `import_model`. By default it is
            detected from the contents of the files.
        flip_kernels: as for `import_model`.
        mapping: the sources of layers that names, order and shapes leave ambiguous. The key is the name of a layer
            ("conv", or "block/conv" in a nested model). The value is a module of the file ("features.0"), or, for files
            without modules, the names of its arrays (["arr_0", "arr_1"]), or None for a layer that keeps its weights;
            arrays that no layer uses are then left out. A few entries often resolve all other layers. "as stored", or
            ["features.0", "as stored"], for a layer whose features are in the order of the file, if its program
            flattens images in the order of the model, and not channels first.

    Raises:
        LegacyFileError, PackageNotInstalled: as for `import_model`.
        ArgumentError: an argument is invalid, or the weights do not fit the model in exactly one way.

    Example:
        >>> import tempfile, pathlib
        >>> import kerasbridge as kb
        >>> import keras, numpy as np
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "net.npz")
        ...     np.savez(file, np.ones((3, 2)), np.zeros(2))
        ...     _ = kb.import_weights(model, file)
        >>> model.get_weights()[0].sum().item()
        6.0
    """
    from kerasbridge.keras_compat.models import check_model

    check_model(model)
    return load_legacy(*files, model=model, format=format, flip_kernels=flip_kernels, mapping=mapping)


def load_legacy(
    *files: str | Path,
    format: str | None = None,  # noqa: A002
    model: Any = None,
    data_format: str = "channels_last",
    flip_kernels: bool | None = None,
    input_shape: Any = None,
    mapping: Mapping[str, str | Sequence[str] | None] | None = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> Any:
    """Do what `import_model` does, or with ``model`` what `import_weights` does; the former name of both."""
    imported, _ = import_with_report(
        *files,
        format=format,
        model=model,
        data_format=data_format,
        flip_kernels=flip_kernels,
        input_shape=input_shape,
        mapping=mapping,
        inputs=inputs,
        outputs=outputs,
    )
    return imported


def import_with_report(
    *files: str | Path,
    format: str | None,  # noqa: A002
    model: Any,
    data_format: str,
    flip_kernels: bool | None,
    input_shape: Any,
    mapping: Mapping[str, str | Sequence[str] | None] | None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> "tuple[Any, Report]":
    """Return the results of `load_legacy` and of `inspect_import`, reading the files once."""
    _check_data_format(data_format)
    with reading(LegacyFileError, *map(str, files)):
        parsed = formats.read(files, format, flip_kernels, input_shape, model is not None, inputs, outputs)
        if parsed.content is None:
            raise LegacyFileError(parsed.missing)
        from kerasbridge.importers.build_model import build_model

        return build_model(parsed, model, data_format, mapping)  # type: ignore[arg-type]


def inspect_import(
    *files: str | Path,
    format: str | None = None,  # noqa: A002
    model: Any = None,
    flip_kernels: bool | None = None,
    input_shape: Any = None,
    mapping: Mapping[str, str | Sequence[str] | None] | None = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> "Report":
    """Report what `import_model` would convert, without building the model or, without ``model``, importing Keras.

    Args:
        files: the files of one model; for a Caffe model, one of the two files is enough.
        format, flip_kernels, input_shape, inputs, outputs: as for `import_model`.
        model, mapping: as for `import_weights`. The model is not changed.

    Returns:
        A report of the layers that are converted, substituted and skipped, and of the preprocessing that the files
        mention; for files that contain only weights, their arrays and, with a model, the arrays that each layer takes.
        Print it, or call ``.as_dict()``.

    Raises:
        LegacyFileError, ArgumentError, PackageNotInstalled: as for `import_model`.

    Example:
        >>> import tempfile, pathlib
        >>> import kerasbridge as kb
        >>> net = 'layer { name: "digits" type: "Data" top: "data" transform_param { scale: 0.00390625 } }'
        >>> net += 'layer { name: "r" type: "ReLU" bottom: "data" top: "data" }'
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "net.prototxt")
        ...     _ = file.write_text(net)
        ...     report = kb.inspect_import(file)
        >>> print(*report.preprocessing)
        digits: multiplies by 0.00390625
    """
    with reading(LegacyFileError, *map(str, files)):
        parsed = formats.read(files, format, flip_kernels, input_shape, model is not None, inputs, outputs)
        if model is None and mapping is None:
            return parsed.report
        from kerasbridge.importers.build_model import report_with_mapping

        return report_with_mapping(parsed, model, mapping)


inspect_legacy = inspect_import
"""The former name."""


def preprocessing_layer(preprocessing: "Preprocessing", data_format: str = "channels_last") -> Any:
    """Return a Keras layer that applies the preprocessing that a file mentions.

    Args:
        preprocessing: an item of ``inspect_import(…).preprocessing``. The layer applies its mean and its scale; the
            images must already have its size and its order of channels.
        data_format: as for `import_model`.

    Returns:
        A `keras.layers.Rescaling` for images of any dtype, for use before the model, as in
        ``keras.Sequential([layer, model])``, or in a data pipeline.

    Raises:
        ArgumentError: the mean to subtract is in another file, which `preprocessing` names.

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

    return rescaling(preprocessing, data_format)


def _check_data_format(data_format: str) -> None:
    if data_format not in DATA_FORMATS:
        raise ArgumentError(f"Expected data_format to be {' or '.join(DATA_FORMATS)}, received {data_format!r}.")
