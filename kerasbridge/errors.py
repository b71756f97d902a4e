"""The exceptions of kerasbridge.

    KerasbridgeError
    ├── BackendError (RuntimeError)          the requested backend cannot be used in this process
    │   └── BackendNotInstalled (ImportError)
    ├── PackageNotInstalled (ImportError)    a required package is missing or broken
    ├── DeviceError (RuntimeError)           the requested device does not exist, or the process uses another
    ├── InvalidFileError (ValueError)        a file is damaged, too large, or was made to do harm
    │   ├── LegacyFileError                  a file of another framework cannot be imported
    │   ├── DataFileError (DataError)        a file of data, a picture or a record is unsuitable
    │   └── RunFileError (RunFolderError)    a file in a run folder is damaged
    ├── ExportError (RuntimeError)           a model cannot be exported, or the exported file computes something else
    ├── DataError (ValueError)               arrays, labels or a data file are unsuitable for training
    ├── ArgumentError (ValueError)           an argument is invalid
    ├── StepError (ValueError)               a custom training step cannot be run
    ├── NonFiniteError (ArithmeticError)     the loss or a gradient is NaN or infinite, and on_nonfinite is "stop"
    ├── DeviceMemoryError (MemoryError)      the device has too little memory for the step
    ├── WorkerError (RuntimeError)           the workers of a training cannot meet, differ, or one of them is lost
    ├── RunFolderError (OSError)             a run folder cannot be written or read
    ├── NotPortableError (RuntimeError)      random numbers would differ between backends
    ├── ParityError (RuntimeError)           a backend cannot run what the others run in a comparison
    └── KerasContractError (RuntimeError)    the installed Keras lacks a private name that kerasbridge uses

Every message is one or two sentences: what was expected, what was received, and what to type next. The command line
prints only the message and exits with 2.
"""

MAX_MESSAGE = 5_000
"""Letters of a message; the middle of a longer one is left out, since a file may contain names of any length."""


def one_line(value: object) -> str:
    """Return what Python shows for a value, in one line of at most 80 characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:79]}…"


class KerasbridgeError(Exception):
    """Base class of all exceptions that kerasbridge raises on purpose.

    Attributes:
        exit_code: the exit code of the command line: 2 for wrong input, 1 if a child process crashed or did not end.
    """

    exit_code = 2

    def __init__(self, message: str = "") -> None:
        super().__init__(_shorten(message))


def _shorten(message: str) -> str:
    """Return a message without its middle if it is too long, and with unprintable letters replaced."""
    left_out = len(message) - MAX_MESSAGE
    if left_out > 0:
        message = f"{message[: MAX_MESSAGE - 1000]} … ({left_out:,} letters) … {message[-1000:]}"
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in message)


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


class InvalidFileError(KerasbridgeError, ValueError):
    """A file is damaged, too large, or was made to do harm; the message names the file and the reason."""


class LegacyFileError(InvalidFileError):
    """A file of another framework is invalid, or contains something that cannot be imported."""


class ExportError(KerasbridgeError, RuntimeError):
    """A model cannot be exported to a format, or the exported file computes something else."""


class DataError(KerasbridgeError, ValueError):
    """Arrays, labels or a data file are unsuitable for training."""


class DataFileError(InvalidFileError, DataError):
    """A file of data, a picture or a record of `kb.compare` is invalid."""


class ArgumentError(KerasbridgeError, ValueError):
    """An argument is invalid."""


class StepError(KerasbridgeError, ValueError):
    """A custom training step cannot be run."""


class NonFiniteError(KerasbridgeError, ArithmeticError):
    """The loss or a gradient is NaN or infinite."""


class DeviceMemoryError(KerasbridgeError, MemoryError):
    """The device has too little memory for a step."""


class WorkerError(KerasbridgeError, RuntimeError):
    """The workers of a training cannot meet, differ in model, data or arguments, or one of them is lost."""


class RunFolderError(KerasbridgeError, OSError):
    """A run folder cannot be written or read."""


class RunFileError(InvalidFileError, RunFolderError):
    """A file in a run folder is damaged."""


class ParityError(KerasbridgeError, RuntimeError):
    """A backend cannot run what the others run in a comparison.

    Attributes:
        result: the `Comparison` or `Diagnosis` of the other backends, or None.
    """

    result: object = None


class NotPortableError(KerasbridgeError, RuntimeError):
    """Random numbers would differ between backends."""


class KerasContractError(KerasbridgeError, RuntimeError):
    """The installed Keras lacks a private name that kerasbridge uses."""
