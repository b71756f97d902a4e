"""Export a model to a deployment format: `kb.export`.

A backend that supports the format writes the file, in a process of its own unless the current one runs that backend.
The file is checked in the runtime of the format before it is moved into place.

- formats: the formats, and the routes that write them; writers/: one module per framework.
- model_adapter, signatures, sample_inputs: the model as a function of flat, named arrays, and inputs to check it on.
- export_model: tries the routes; remote_export, export_worker: the same in another process.
- runtime_client, runtime_worker: run the file in the runtime of its format; comparison: compare the outputs.
"""

import os
from typing import Any

from kerasbridge.checks import check_timeout
from kerasbridge.errors import ArgumentError
from kerasbridge.exporters import formats, output_path
from kerasbridge.exporters.result import ExportResult as ExportResult
from kerasbridge.runtime.files import to_path

_EXPECTED_PATH = "the path of the file or folder to write"
TIMEOUT = 3600.0
TOLERANCE = 1e-5
"""Float32 rounds at 6e-8; thousands of terms summed in another order, layer after layer, differ by 1e-7 to 3e-6."""


def export(
    model: Any,
    path: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002
    *,
    example: Any = None,
    tolerance: float = TOLERANCE,
    overwrite: bool = False,
    timeout: float = TIMEOUT,
) -> ExportResult:
    """Write a model in a deployment format, and check that the file computes the same as the model.

    Args:
        model: a built Keras model, on any backend. It is exported for inference, in float32 even if it computes in
            mixed precision.
        path: the file to write; for "tf_saved_model" a folder.
        format: "onnx", "tf_saved_model", "litert", "openvino", "torch" or "stablehlo". Without it the suffix of the
            path decides: .onnx, no suffix, .tflite, .xml, .pt2, .stablehlo.
        example: a batch of inputs to check the file on, instead of random numbers. It is required for a model without
            a defined input shape, and for a format that needs sizes which the model leaves open.
        tolerance: the largest difference between the outputs of the file and the model, relative to the largest output.
        overwrite: replace an existing file. It is replaced only once the new file is verified.
        timeout: seconds after which a process that writes or runs the file is ended.

    Returns:
        A description of the file, to print, or ``.as_dict()``. The file takes batches of any size, and images or
        sequences of any size if the model does, unless the result states fixed sizes.

    Raises:
        PackageNotInstalled: a package that the format needs is not installed; with the line to type.
        ArgumentError: an argument is not valid, or the inputs of the model are not known.
        ExportError: the model cannot be written in this format, or its file computes something else.

    Example:
        >>> import tempfile
        >>> import kerasbridge as kb
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     exported = kb.export(kb.models.mlp(), f"{folder}/mlp.onnx")
        >>> exported.format, exported.dynamic_batch, exported.difference < 1e-5
        ('onnx', True, True)
    """
    target = check(path, format, tolerance=tolerance, overwrite=overwrite, timeout=timeout)
    path = to_path(path, _EXPECTED_PATH)
    from kerasbridge.exporters.export_model import ExportRequest, try_backends  # imports Keras

    return try_backends(ExportRequest(model, target, path, tolerance, timeout), target.available(), example)


def check(
    path: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002
    *,
    tolerance: float = TOLERANCE,
    overwrite: bool = False,
    timeout: float = TIMEOUT,
) -> formats.Format:
    """Check the arguments that can be checked before a model is loaded; they are those of `export`.

    Returns:
        The format.

    Raises:
        ArgumentError: as for `export`.
        PackageNotInstalled: as for `export`.
    """
    path = to_path(path, _EXPECTED_PATH)
    target = formats.find(format, path)
    if not isinstance(tolerance, int | float) or not tolerance > 0:
        raise ArgumentError(f"Expected a tolerance above 0, received {tolerance!r}.")
    check_timeout(timeout)
    output_path.check(path, overwrite, is_folder=not target.suffix)
    target.available()
    return target
