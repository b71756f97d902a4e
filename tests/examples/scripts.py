"""Run scripts one after the other in one process: `python scripts.py FOLDER SCRIPT…`; each in a folder of its own.

Stops at the first script that fails; stderr contains its name.
"""

import os
import runpy
import sys
from pathlib import Path


def main(folder, scripts):
    """Run each script as the main module, with the initial module path."""
    path = list(sys.path)
    for script in scripts:
        print(f"running {script}", file=sys.stderr)
        working_directory = folder / f"in-{Path(script).stem}"
        working_directory.mkdir()
        os.chdir(working_directory)
        runpy.run_path(script, run_name="__main__")
        sys.path[:] = path


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
