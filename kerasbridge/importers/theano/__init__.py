"""Theano: Lasagne's .npz and .npy files, and pickles of arrays, of shared variables or of objects that contain them.

Theano has no file format: these files contain only weights, in the order of `lasagne.layers.get_all_param_values` or by
names such as "conv1.W". Its convolutions flip their kernels by default, and no file records whether they do.
"""

import re
from collections.abc import Sequence

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.ir.weights import Parameters, describe_array, group_by_module, split_weights
from kerasbridge.importers.report import LayerReport, Report
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.theano import numpy_files, pickle_params

DESCRIPTION = "Lasagne's .npz, or a pickle of parameters"
KERNELS_MAY_BE_FLIPPED = True
FLIP_KERNELS_HINT = (
    "By default, Lasagne's Conv2DLayer and TransposedConv2DLayer and Theano's conv2d flip kernels: pass "
    "flip_kernels=True (--flip-kernels); Conv2DDNNLayer, Conv2DMMLayer and DilatedConv2DLayer do not: pass "
    "flip_kernels=False (--no-flip-kernels)."
)

_LASAGNE_ROLE = re.compile(r"W|b|beta|gamma|mean|inv_std|alpha|[Wb]_(in_to_|hid_to_|cell_to_)?\w+|cell_init|hid_init")


def matches(file: SourceFile) -> bool:
    """Return whether it is a NumPy file or a pickle, compressed or not."""
    return numpy_files.matches(file) or pickle_params.matches(file)


def read(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read the arrays of one file."""
    if len(files) > 1:
        paths = ", ".join(str(file.path) for file in files)
        raise LegacyFileError(f"Expected one file of weights, received {paths}.")
    (file,) = files
    try:
        parameters = numpy_files.read(file) if numpy_files.matches(file) else pickle_params.read(file)
    except ValueError as error:
        raise LegacyFileError(f"{file.path} is {error}.") from error
    weights, skipped = split_weights(parameters)
    if not weights:
        raise LegacyFileError(f"{file.path} contains no arrays of numbers that could be weights.")
    converted = tuple(LayerReport(weight.name, describe_array(weight.array)) for weight in weights)
    notes: tuple[str, ...] = ()
    if flip_kernels is None and any(weight.array.ndim > 2 for weight in weights):
        notes = (f"the file does not record whether kernels are flipped. {FLIP_KERNELS_HINT}",)
    report = Report("theano", (file.name,), "", (), (), converted, skipped=skipped, notes=notes)
    in_modules = all(_LASAGNE_ROLE.fullmatch(weight.role) and weight.prefix for weight in weights)
    content = Parameters(
        str(file.path),
        "lasagne",
        ungrouped=() if in_modules else weights,
        groups=group_by_module(weights) if in_modules else (),
        flip_kernels=flip_kernels,
        flip_kernels_hint=FLIP_KERNELS_HINT,
    )
    return ParsedModel(report, content)
