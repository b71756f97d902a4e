"""Run examples/quickstart.ipynb on the backend of KERAS_BACKEND, and save its outputs without machine metadata.

    pip install -e ".[jax,plots]" nbclient nbformat ipykernel
    KERAS_BACKEND=jax python scripts/run_notebook.py [OUTPUT.ipynb]

Without OUTPUT.ipynb the notebook itself is overwritten.
"""

import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat

NOTEBOOK = Path(__file__).parents[1] / "examples" / "quickstart.ipynb"
SECONDS_PER_CELL = 300
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def main(output: Path) -> None:
    """Run every cell; exit with the message of a cell that fails or writes to stderr."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=SECONDS_PER_CELL, kernel_name="python3", record_timing=False).execute()
    noise = [text for cell in notebook.cells for text in on_stderr(cell)]
    if noise:
        sys.exit(f"Expected nothing on stderr, received: {' '.join(noise)}")
    tidy(notebook)
    nbformat.write(notebook, output)


def on_stderr(cell: Any) -> list[str]:
    """Return what a cell wrote to stderr."""
    return [one.text for one in cell.get("outputs", ()) if one.output_type == "stream" and one.name == "stderr"]


def tidy(notebook: Any) -> None:
    """Remove metadata that depends on the machine, and number the cells."""
    notebook.metadata = METADATA
    for place, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{place}", {key: cell.metadata[key] for key in cell.metadata if key == "tags"}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else NOTEBOOK)
