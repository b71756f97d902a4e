"""Theano: Lasagne's .npz and .npy, and pickles of arrays, of shared variables and of what holds such.

Theano has no format of its own: these files hold weights alone, in the order of `lasagne.layers.get_all_param_values`
or by names such as "conv1.W". Its convolutions turn their kernels, unless told otherwise, and no file says so.
"""

import re
from collections.abc import Sequence

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.ir.weights import Parameter, Parameters, describe_array, group_by_module, split_weights
from kerasbridge.importers.report import LayerReport, Report
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.theano import numpy_files, pickle_params

DESCRIPTION = "Lasagne's .npz, or a pickle of parameters"
KERNELS_MAY_BE_FLIPPED = True
WHICH_ARE_FLIPPED = (
    "Lasagne's Conv2DLayer and TransposedConv2DLayer as they come, and Theano's conv2d, turn kernels: "
    "flip_kernels=True (--flip-kernels); Conv2DDNNLayer, Conv2DMMLayer and DilatedConv2DLayer do not: "
    "flip_kernels=False (--no-flip-kernels)."
)

_ROLES = re.compile(r"W|b|beta|gamma|mean|inv_std|alpha|[Wb]_(in_to_|hid_to_|cell_to_)?\w+|cell_init|hid_init")


def matches(file: SourceFile) -> bool:
    """Return whether a file is NumPy's or a pickle, compressed or not."""
    return numpy_files.matches(file) or pickle_params.matches(file)


def read(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read the arrays of one file."""
    if len(files) > 1:
        named = ", ".join(str(file.path) for file in files)
        raise LegacyFileError(f"Expected one file of weights, received {named}.")
    (file,) = files
    try:
        found = numpy_files.read(file) if numpy_files.matches(file) else pickle_params.read(file)
    except ValueError as error:
        raise LegacyFileError(f"{file.path} is {error}.") from error
    weights, dropped = split_weights(found)
    if not weights:
        raise LegacyFileError(f"{file.path} holds no arrays of numbers that could be weights.")
    return ParsedModel(_report(file, weights, dropped, flip_kernels), _parameters(file, weights, flip_kernels))


def _parameters(file: SourceFile, weights: Sequence[Parameter], flip_kernels: bool | None) -> Parameters:
    named = all(_ROLES.fullmatch(one.role) and one.prefix for one in weights)
    return Parameters(
        str(file.path),
        "lasagne",
        () if named else tuple(weights),
        group_by_module(weights) if named else (),
        flip_kernels=flip_kernels,
        asking=WHICH_ARE_FLIPPED,
    )


def _report(
    file: SourceFile, weights: Sequence[Parameter], dropped: tuple[LayerReport, ...], flip: bool | None
) -> Report:
    notes: tuple[str, ...] = ()
    if flip is None and any(one.array.ndim > 2 for one in weights):
        notes = (f"the file does not say whether kernels are turned. {WHICH_ARE_FLIPPED}",)
    brought = tuple(LayerReport(one.name, describe_array(one.array)) for one in weights)
    return Report("theano", (file.name,), "", (), (), brought, skipped=dropped, notes=notes)
