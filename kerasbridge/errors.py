"""What kerasbridge raises.

    KerasbridgeError
    ├── BackendError (RuntimeError)          the backend asked for cannot be used in this process
    │   └── BackendNotInstalled (ImportError)
    ├── PackageNotInstalled (ImportError)    a package that something asked for needs is not there, or broken
    ├── DeviceError (RuntimeError)           the device asked for is not there, or is not the process's
    ├── LegacyFileError (ValueError)         a file of another framework cannot be brought
    ├── ExportError (RuntimeError)           a model cannot be written in a format, or its file computes otherwise
    ├── DataError (ValueError)               arrays, labels or a data file are not what training needs
    ├── ArgumentError (ValueError)           an argument is outside what it may be
    ├── StepError (ValueError)               a training step of one's own cannot be run as it is written
    ├── RunFolderError (OSError)             a run folder cannot be written or read
    ├── NotPortableError (RuntimeError)      random numbers would be drawn that differ from backend to backend
    ├── ParityError (RuntimeError)           a backend that is to be compared cannot run what the others run
    └── KerasContractError (RuntimeError)    this Keras keeps a part kerasbridge relies on elsewhere

Every message is one sentence or two: what was expected, what came, what to type next. The command line prints
it alone and exits with 2.
"""


class KerasbridgeError(Exception):
    """The root of every error that kerasbridge raises on purpose."""


class BackendError(KerasbridgeError, RuntimeError):
    """The backend asked for cannot be used in this process."""


class BackendNotInstalled(BackendError, ImportError):
    """The backend asked for is not installed, or its installation is broken."""


class PackageNotInstalled(KerasbridgeError, ImportError):
    """A package that something asked for needs is not installed, or its installation is broken."""

    @classmethod
    def needed(
        cls, by: str, package: str, extra: str, why: ImportError, module: str | None = None
    ) -> "PackageNotInstalled":
        """The error with the line that installs it.

        Args:
            by: what needs it, with its verb: "A picture of the curves needs".
            package: its name.
            extra: the extra of kerasbridge that brings it.
            why: what Python said.
            module: the name that it is imported by, where that is another: "google.protobuf".
        """
        absent = isinstance(why, ModuleNotFoundError) and (module or package).partition(".")[0] in (why.name or "")
        state = "is not installed" if absent else f"does not import here: {why}"
        return cls(f'{by} the package {package}, which {state}. Type: pip install "kerasbridge[{extra}]"')


class DeviceError(KerasbridgeError, RuntimeError):
    """The device asked for is not there, or is not the one this process runs on."""


class LegacyFileError(KerasbridgeError, ValueError):
    """A file of another framework is not what it should be, or holds what cannot be brought."""


class ExportError(KerasbridgeError, RuntimeError):
    """A model cannot be written in the format asked for, or the file computes something else than the model."""


class DataError(KerasbridgeError, ValueError):
    """Arrays, labels or a data file are not what training needs."""


class ArgumentError(KerasbridgeError, ValueError):
    """An argument is outside what it may be."""


class StepError(KerasbridgeError, ValueError):
    """A training step of one's own cannot be run as it is written."""


class RunFolderError(KerasbridgeError, OSError):
    """A run folder cannot be written or read."""


class ParityError(KerasbridgeError, RuntimeError):
    """A backend that is to be compared with others cannot run what they run."""


class NotPortableError(KerasbridgeError, RuntimeError):
    """Random numbers would be drawn that differ from backend to backend."""


class KerasContractError(KerasbridgeError, RuntimeError):
    """The installed Keras keeps a part that kerasbridge relies on somewhere else."""
