"""The formats that can be read, found by what is in a file and not by its name."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from kerasbridge.errors import ArgumentError, LegacyFileError
from kerasbridge.importers.files import LegacyFile
from kerasbridge.importers.network import Network, fitting_sizes, sized
from kerasbridge.importers.operations import SizeUnknown
from kerasbridge.importers.report import Report

FORMATS = {"caffe": "kerasbridge.importers.caffe"}
"""Each format and the module that reads it, a `Format`."""


@dataclass(frozen=True)
class Reading:
    """What a format's reader found; no network where files that it needs were not given, and why."""

    report: Report
    network: Network | None
    lacking: str = ""


class Format(Protocol):
    """What the module of a format has."""

    DESCRIPTION: str
    """How its files are called, for errors."""

    HOW_TO_SAY_A_SIZE: str
    """What a person writes where, if a file leaves the size of images open that has to be known."""

    def recognises(self, file: LegacyFile) -> bool:
        """Whether a file is of this format, by its first bytes; a damaged one still is."""

    def read(self, files: Sequence[LegacyFile]) -> Reading:
        """Reads the files, whatever is in them.

        Raises:
            LegacyFileError: in one sentence, what is wrong with which file.
        """


def read(paths: Sequence[object], wanted: str | None) -> Reading:
    """What the files hold, read as the format that is wanted or else recognised."""
    if not paths:
        raise ArgumentError('Expected the files of a model, received none. Type for example "net.prototxt".')
    files = [LegacyFile(str(path)) for path in paths]
    module = _module(wanted or _recognised(files))
    reading = module.read(files)
    try:
        return _settled(reading, module.HOW_TO_SAY_A_SIZE)
    except LegacyFileError as error:
        raise LegacyFileError(f"{', '.join(reading.report.files)}: {error}") from error


def _settled(reading: Reading, how: str) -> Reading:
    """The reading with the sizes of the network's inputs as the model will have them."""
    if reading.network is None:
        return reading
    try:
        network = sized(reading.network)
    except SizeUnknown as unknown:
        fitting = fitting_sizes(reading.network)
        which = f"; images of {' or '.join(map(str, fitting[:5]))} pixels a side would fit" if fitting else ""
        files = ", ".join(reading.report.files)
        lacking = f"{files}: {unknown}, and the file does not say which{which}. {how}"
        return replace(reading, network=None, lacking=lacking)
    inputs = tuple((entry.name, entry.shape) for entry in network.inputs)
    return Reading(replace(reading.report, inputs=inputs), network)


def _module(name: str) -> Format:
    if name not in FORMATS:
        raise ArgumentError(f"Expected the format {' or '.join(FORMATS)}, received {name!r}.")
    module: Format = importlib.import_module(FORMATS[name])
    return module


def _recognised(files: Sequence[LegacyFile]) -> str:
    """The one format of all files."""
    found = {file: next((name for name in FORMATS if _module(name).recognises(file)), None) for file in files}
    known = "; ".join(f"{name}: {_module(name).DESCRIPTION}" for name in FORMATS)
    for file, name in found.items():
        if name is None:
            raise LegacyFileError(f"{file.path} is of no format that is known here. Known are: {known}.")
    if len({*found.values()}) > 1:
        each = ", ".join(f"{file.path} is of {name}" for file, name in found.items())
        raise LegacyFileError(f"Expected files of one format; {each}.")
    return str(found[files[0]])
