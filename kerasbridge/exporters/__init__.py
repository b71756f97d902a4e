"""One model to every format of deployment: `kb.export`.

Written on the backend that can, in this process where it runs on that one, else in another; and checked in the format's
own runtime before it is put in place. Each file says what is its part.
"""

import os
from pathlib import Path
from typing import Any

from kerasbridge.errors import ArgumentError
from kerasbridge.exporters import formats, output_path
from kerasbridge.exporters.result import ExportResult as ExportResult

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
) -> ExportResult:
    """Write a model in a format of deployment, and checks that the file computes what the model does.

    Args:
        model: a built Keras model, on any backend. It goes out as it answers, not as it trains, in float32 also where
            it computes in mixed precision.
        path: of the file; for "tf_saved_model" of a folder.
        format: "onnx", "tf_saved_model", "litert", "openvino", "torch" or "stablehlo". Without it, what the suffix
            says: .onnx, none, .tflite, .xml, .pt2, .stablehlo.
        example: a batch as the model takes it, to check the file on, in the place of drawn numbers. A model that does
            not say what it takes needs one; and so does one that leaves sizes open which a format has to know.
        tolerance: how far the outputs may be from the model's, relative to the largest.
        overwrite: replace what is at the path. It is lost only once the new file is found right.

    Returns:
        What was written and how near it is; to print, or ``.as_dict()``. A file takes batches of any size, and images
        or sequences of any where the model does, unless it says otherwise.

    Raises:
        PackageNotInstalled: what the format needs is not installed; with the line to type.
        ArgumentError: an argument is not what it may be, or the model does not say what it takes.
        ExportError: the model cannot be written in this format, or its file computes something else.

    Example:
        >>> import tempfile
        >>> import kerasbridge as kb
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     exported = kb.export(kb.models.mlp(), f"{folder}/mlp.onnx")
        >>> exported.format, exported.dynamic_batch, exported.difference < 1e-5
        ('onnx', True, True)
    """
    target = check(path, format, tolerance=tolerance, overwrite=overwrite)
    ways = target.available()
    from kerasbridge.exporters.export_model import ExportRequest, try_backends  # and with it Keras

    return try_backends(ExportRequest(model, target, Path(path), tolerance), ways, example)


def check(
    path: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002
    *,
    tolerance: float = TOLERANCE,
    overwrite: bool = False,
) -> formats.Format:
    """Refuse what can be refused before a model is opened; the arguments are those of `export`.

    Returns:
        The format.

    Raises:
        ArgumentError: as for `export`.
        PackageNotInstalled: as for `export`.
    """
    place = Path(path)
    found = formats.find(format, place)
    if not tolerance > 0:
        raise ArgumentError(f"Expected a tolerance above 0, received {tolerance!r}.")
    output_path.check(place, overwrite)
    found.available()
    return found
