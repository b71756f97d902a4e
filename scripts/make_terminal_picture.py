"""Make docs/images/first-run.png: a terminal with the commands below and their output.

    python scripts/make_terminal_picture.py [PICTURE.png]

The commands run in a new folder with a link to examples/, in a terminal of COLUMNS columns emulated by pyte.
Needs all three backends, the extra `plots`, pyte (`pip install pyte`), and Chromium on the PATH.
"""

import html
import os
import pty
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browser
import pyte
from save_screenshot import save

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "first-run.png"
COMMANDS = (
    "kerasbridge train --backend jax --run-dir runs/first",
    "kerasbridge predict runs/first examples/digits/3-photo.jpg --show --backend tensorflow",
    "kerasbridge evaluate runs/first --backend torch",
)
COLUMNS, MAX_LINES = 96, 400
COLOURS = {
    "default": "#d6deeb", "black": "#7f8c98", "red": "#ff7b72", "green": "#7ee787", "brown": "#e3b341",
    "blue": "#79c0ff", "magenta": "#d2a8ff", "cyan": "#76e3ea", "white": "#f0f6fc",
}  # fmt: skip
PAGE = """<!doctype html><meta charset="utf-8"><title>A first run</title><style>
body {{ margin: 0; background: #0d1117; color: {default}; }}
pre {{ margin: 0; padding: 18px 22px; font: 15px/17.5px "DejaVu Sans Mono", monospace; }}
b {{ font-weight: 600; }} .prompt {{ color: #7ee787; }}
</style><pre>{text}</pre>"""


def main() -> None:
    """Run the commands and save a screenshot."""
    picture, path = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE, browser.find()
    if path is None:
        sys.exit(f"Expected one of {', '.join(browser.NAMES)} on the PATH.")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "examples").symlink_to(ROOT / "examples")
        text = "\n\n".join(render(command, Path(folder)) for command in COMMANDS)
        page = Path(folder) / "page.html"
        page.write_text(PAGE.format(default=COLOURS["default"], text=text), "utf-8")
        with browser.Browser(path) as chromium:
            chromium.open(page, width=900, height=50)
            save(chromium.screenshot(), picture)


def render(command: str, folder: Path) -> str:
    """Return a command and its output in a terminal, as HTML."""
    screen = pyte.Screen(COLUMNS, MAX_LINES)
    stream = pyte.ByteStream(screen)
    for part in output(command, folder):
        stream.feed(part)
    lines = [line(screen.buffer[row]) for row in range(screen.cursor.y)]
    return "\n".join([f'<span class="prompt">$</span> <b>{html.escape(command)}</b>', *lines]).rstrip()


def output(command: str, folder: Path) -> Iterator[bytes]:
    """Run a command in a terminal and yield its output."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": "50"}
    shell = shutil.which("sh") or "/bin/sh"
    child = subprocess.Popen([shell, "-c", command], cwd=folder, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        while part := os.read(ours, 1 << 16):
            yield part
    except OSError:  # on Linux, the other end is closed
        pass
    finally:
        os.close(ours)
    if child.wait():
        sys.exit(f"{command} ended with {child.returncode}.")


def line(cells: Any) -> str:
    """Return one line of the screen as HTML with colours."""
    text, spans = "".join(cells[column].data for column in range(COLUMNS)).rstrip(), []
    for column in range(len(text)):
        cell = cells[column]
        ground = "" if cell.bg == "default" else f"background:{colour(cell.bg)};"
        style = f"color:{colour(cell.fg)};{ground}" + ("font-weight:600;" if cell.bold else "")
        if spans and spans[-1][0] == style:
            spans[-1][1].append(cell.data)
        else:
            spans.append((style, [cell.data]))
    return "".join(f'<span style="{style}">{html.escape("".join(data))}</span>' for style, data in spans)


def colour(name: str) -> str:
    """Return the CSS colour of a terminal colour, a name or six hexadecimal digits."""
    return COLOURS.get(name) or (f"#{name}" if len(name) == 6 else COLOURS["default"])


if __name__ == "__main__":
    main()
