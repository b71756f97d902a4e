"""PyTorch: a state_dict in .safetensors, .pt or .pth, read without torch and without unpickling.

All that `torch.save` has written since 0.2 is read: zip files and what was before them, checkpoints that hold a
state_dict among other things, and TorchScript's archives, of which only the weights are taken.
"""

from collections.abc import Sequence

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.ir.weights import Parameter, Parameters, describe_array, split_weights
from kerasbridge.importers.pytorch import safetensors, torch_zip
from kerasbridge.importers.pytorch.modules import group_modules, strip_wrappers
from kerasbridge.importers.pytorch.state_dict import find_state_dict
from kerasbridge.importers.report import LayerReport, Report
from kerasbridge.importers.source_file import SourceFile

DESCRIPTION = "a state_dict of PyTorch's, .safetensors, .pt or .pth"
KERNELS_MAY_BE_FLIPPED = False


def matches(file: SourceFile) -> bool:
    """Return whether it is one of torch's three kinds of files."""
    return safetensors.matches(file) or torch_zip.matches(file)


def read(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read the weights of one file, or of several .safetensors that hold parts of one model."""
    if len(files) > 1 and not all(map(safetensors.matches, files)):
        named = ", ".join(str(file.path) for file in files)
        raise LegacyFileError(f"Expected one file of weights, or several .safetensors, received {named}.")
    found, notes, ordered = [], [], True
    for file in files:
        try:
            if safetensors.matches(file):
                found += safetensors.read(file)
                ordered = False
            else:
                state, said = find_state_dict(torch_zip.read(file))
                found += state
                notes += said
        except ValueError as error:
            raise LegacyFileError(f"{file.path} is {error}.") from error
    return _reading(files, found, notes, ordered)


def _reading(files: Sequence[SourceFile], found: list[Parameter], notes: list[str], ordered: bool) -> ParsedModel:
    names = ", ".join(str(file.path) for file in files)
    plain, wrappers = strip_wrappers(found)
    weights, dropped = split_weights(plain)
    if not weights:
        raise LegacyFileError(f"{names} holds no arrays of numbers that could be weights.")
    try:
        groups = group_modules(weights)
    except ValueError as error:
        raise LegacyFileError(f"{names} is {error}.") from error
    brought = tuple(LayerReport(one.name, describe_array(one.array)) for one in weights)
    notes = notes + ([f"left out of all names: {wrappers}"] if wrappers else [])
    report = Report(
        "pytorch", tuple(file.name for file in files), "", (), (), brought, skipped=dropped, notes=tuple(notes)
    )
    return ParsedModel(report, Parameters(names, "pytorch", groups=groups, ordered=ordered))
