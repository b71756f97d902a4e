"""PyTorch: a state_dict in a .safetensors, .pt or .pth file, read without torch and without unpickling.

Everything that `torch.save` has written since 0.2 is supported: zip files and the format before them, checkpoints that
contain a state_dict among other things, and TorchScript archives, of which only the weights are used.
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

DESCRIPTION = "a PyTorch state_dict, .safetensors, .pt or .pth"
KERNELS_MAY_BE_FLIPPED = False


def matches(file: SourceFile) -> bool:
    """Return whether it is one of the three kinds of PyTorch files."""
    return safetensors.matches(file) or torch_zip.matches(file)


def read(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read the weights of one file, or of several .safetensors files that contain parts of one model."""
    paths = ", ".join(str(file.path) for file in files)
    if len(files) > 1 and not all(map(safetensors.matches, files)):
        raise LegacyFileError(f"Expected one file of weights, or several .safetensors, received {paths}.")
    parameters, notes, ordered = [], [], True
    for file in files:
        try:
            if safetensors.matches(file):
                parameters += safetensors.read(file)
                ordered = False
            else:
                tensors, source_notes = find_state_dict(*torch_zip.read(file))
                parameters += tensors
                notes += source_notes
        except ValueError as error:
            raise LegacyFileError(f"{file.path} is {error}.") from error
    unwrapped, wrappers = strip_wrappers(parameters)
    if wrappers:
        notes.append(f"removed from all names: {wrappers}")
    return _parsed_model(paths, tuple(file.name for file in files), unwrapped, notes, ordered)


def _parsed_model(
    paths: str, file_names: tuple[str, ...], parameters: list[Parameter], notes: list[str], ordered: bool
) -> ParsedModel:
    weights, skipped = split_weights(parameters)
    if not weights:
        raise LegacyFileError(f"{paths} contains no arrays of numbers that could be weights.")
    try:
        groups = group_modules(weights)
    except ValueError as error:
        raise LegacyFileError(f"{paths} is {error}.") from error
    converted = tuple(LayerReport(weight.name, describe_array(weight.array)) for weight in weights)
    report = Report("pytorch", file_names, "", (), (), converted, skipped=skipped, notes=tuple(notes))
    return ParsedModel(report, Parameters(paths, "pytorch", groups=groups, ordered=ordered))
