"""Run folders: the files that a training writes, and how to read them.

A run is a folder with `config.json` (settings and results), `history.csv` and `history.jsonl` (a line per epoch),
`model.keras`, `curves.png` if Matplotlib is installed, and `checkpoints/` and `tensorboard/` if requested. During
training, and after an interruption, `finished` in `config.json` is null. Nothing here imports a framework, except to
load a model.
"""

from kerasbridge.runs.config import Config as Config
from kerasbridge.runs.config import timestamp as timestamp
from kerasbridge.runs.config import versions as versions
from kerasbridge.runs.contents import CONFIG as CONFIG
from kerasbridge.runs.contents import EVENTS as EVENTS
from kerasbridge.runs.contents import MODEL as MODEL
from kerasbridge.runs.folder import check_writable as check_writable
from kerasbridge.runs.folder import is_run as is_run
from kerasbridge.runs.folder import tensorboard_command as tensorboard_command
from kerasbridge.runs.folder import wrap_os_errors as wrap_os_errors
from kerasbridge.runs.reader import Run as Run
from kerasbridge.runs.reader import list_runs
from kerasbridge.runs.reader import load as load
from kerasbridge.runs.writer import RunWriter as RunWriter
from kerasbridge.runs.writer import create as create
from kerasbridge.runs.writer import reopen as reopen

__all__ = ("Config", "Run", "list", "load")


def __dir__() -> tuple[str, ...]:
    return __all__


list = list_runs  # noqa: A001 - kb.runs.list()
