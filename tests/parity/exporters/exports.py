"""Export models in one process, and print a line of JSON for each: ``python exports.py FOLDER MODEL:FORMAT…``."""

import json
import sys
from pathlib import Path

import kerasbridge as kb

kb.use_backend()

from exported_models import made  # noqa: E402

from kerasbridge.exporters.formats import FORMATS  # noqa: E402


def exported(folder, name, target):
    """Return the result of `kb.export` for a file, or its error."""
    path = Path(folder, name + FORMATS[target].suffix)
    try:
        found = kb.export(made(name), path, target).as_dict()
    except kb.errors.KerasbridgeError as error:
        found = {"error": f"{type(error).__name__}: {error}"}
    return {"model": name, "target": target, "there": path.exists(), **found}


if __name__ == "__main__":
    for word in sys.argv[2:]:
        print(json.dumps(exported(sys.argv[1], *word.split(":"))), flush=True)
