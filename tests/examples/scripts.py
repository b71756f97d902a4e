"""Run scripts one after the other in one process: `python scripts.py FOLDER SCRIPT…`; each in a folder of its own.

The first that fails ends it, named on stderr.
"""

import os
import runpy
import sys
from pathlib import Path


def main(folder, scripts):
    """Run each script as the main module, with the module path that the process began with."""
    path = list(sys.path)
    for script in scripts:
        print(f"running {script}", file=sys.stderr)
        here = folder / f"in-{Path(script).stem}"
        here.mkdir()
        os.chdir(here)
        runpy.run_path(script, run_name="__main__")
        sys.path[:] = path


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
