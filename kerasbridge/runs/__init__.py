"""The run folder: what one training leaves on disk, as it is written and as it is read.

A run is a folder with `config.json` (how it was made and what came out), `history.csv` and `history.jsonl` (a line an
epoch), `model.keras`, `curves.png` where Matplotlib is installed, and `tensorboard/` where that was asked for. While it
is trained, and where that broke off, `config.json` says that it is not finished. Whoever trains writes the model; no
framework is loaded here before a model is asked for.
"""

from kerasbridge.runs.config import Config as Config
from kerasbridge.runs.config import timestamp as timestamp
from kerasbridge.runs.config import versions as versions
from kerasbridge.runs.folder import CONFIG as CONFIG
from kerasbridge.runs.folder import EVENTS as EVENTS
from kerasbridge.runs.folder import MODEL as MODEL
from kerasbridge.runs.folder import check_writable as check_writable
from kerasbridge.runs.folder import default_folder as default_folder
from kerasbridge.runs.folder import tensorboard_command as tensorboard_command
from kerasbridge.runs.reader import Run as Run
from kerasbridge.runs.reader import list_runs
from kerasbridge.runs.reader import load as load
from kerasbridge.runs.writer import RunWriter as RunWriter
from kerasbridge.runs.writer import create as create

list = list_runs  # noqa: A001 - kb.runs.list()
