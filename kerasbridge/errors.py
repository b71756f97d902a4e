"""The exceptions of kerasbridge.

    KerasbridgeError
    ├── BackendError (RuntimeError)          the requested backend cannot be used in this process
    │   └── BackendNotInstalled (ImportError)
    ├── PackageNotInstalled (ImportError)    a required package is missing or broken
    ├── DeviceError (RuntimeError)           the requested device does not exist, or the process uses another
    ├── LegacyFileError (ValueError)         a file of another framework cannot be imported
    ├── ExportError (RuntimeError)           a model cannot be exported, or the exported file computes something else
    ├── DataError (ValueError)               arrays, labels or a data file are unsuitable for training
    ├── ArgumentError (ValueError)           an argument is invalid
    ├── StepError (ValueError)               a custom training step cannot be run
    ├── RunFolderError (OSError)             a run folder cannot be written or read
    ├── NotPortableError (RuntimeError)      random numbers would differ between backends
    ├── ParityError (RuntimeError)           a backend cannot run what the others run in a comparison
    └── KerasContractError (RuntimeError)    the installed Keras lacks a private name that kerasbridge uses

Every message is one or two sentences: what was expected, what was received, and what to type next. The command line
prints only the message and exits with 2.
"""


class KerasbridgeError(Exception):
    """Base class of all exceptions that kerasbridge raises on purpose."""


class BackendError(KerasbridgeError, RuntimeError):
    """The requested backend cannot be used in this process."""


class BackendNotInstalled(BackendError, ImportError):
    """The requested backend is not installed, or its installation is broken."""


class PackageNotInstalled(KerasbridgeError, ImportError):
    """A required package is not installed, or its installation is broken."""

    @classmethod
    def needed(
        cls, by: str, package: str, extra: str, why: ImportError, module: str | None = None
    ) -> "PackageNotInstalled":
        """Return the error, with the command that installs the package.

        Args:
            by: the beginning of the message: "A plot of the curves needs".
            package: name of the package.
            extra: the extra of kerasbridge that installs it.
            why: the ImportError.
            module: name of the imported module, if it differs from the package: "google.protobuf".
        """
        absent = isinstance(why, ModuleNotFoundError) and (module or package).partition(".")[0] in (why.name or "")
        state = "is not installed" if absent else f"does not import here: {why}"
        return cls(f'{by} the package {package}, which {state}. Type: pip install "kerasbridge[{extra}]"')


class DeviceError(KerasbridgeError, RuntimeError):
    """The requested device does not exist, or the process already uses another."""


class LegacyFileError(KerasbridgeError, ValueError):
    """A file of another framework is invalid, or contains something that cannot be imported."""


class ExportError(KerasbridgeError, RuntimeError):
    """A model cannot be exported to a format, or the exported file computes something else."""


class DataError(KerasbridgeError, ValueError):
    """Arrays, labels or a data file are unsuitable for training."""


class ArgumentError(KerasbridgeError, ValueError):
    """An argument is invalid."""


class StepError(KerasbridgeError, ValueError):
    """A custom training step cannot be run."""


class RunFolderError(KerasbridgeError, OSError):
    """A run folder cannot be written or read."""


class ParityError(KerasbridgeError, RuntimeError):
    """A backend cannot run what the others run in a comparison."""


class NotPortableError(KerasbridgeError, RuntimeError):
    """Random numbers would differ between backends."""


class KerasContractError(KerasbridgeError, RuntimeError):
    """The installed Keras lacks a private name that kerasbridge uses."""
