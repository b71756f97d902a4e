"""Make docs/images/demo.png: the page of `kerasbridge demo` with a digit that was drawn with the mouse.

    python scripts/make_demo_screenshot.py RUN [PICTURE.png]

Needs Chromium on the PATH, `apt-get install chromium`.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import browser
import draw_digits
from save_screenshot import save

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "demo.png"
CHANGED = "document.body.className = ''"
DONE = """new Promise(resolve => {
    const look = () => document.body.className === "done" && resolve(true);
    new MutationObserver(look).observe(document.body, {attributes: true});
    look();
})"""
PAD = "[...Object.values(pad.getBoundingClientRect().toJSON())].slice(0, 4)"


def main() -> None:
    """Draw a three and save a screenshot."""
    path = browser.find()
    if len(sys.argv) not in (2, 3) or path is None:
        sys.exit(__doc__)
    with started(sys.argv[1]) as (_, address), browser.Browser(path) as chromium:
        chromium.open(address, 900, 700)
        chromium.evaluate(DONE)
        draw(chromium, draw_digits.THREE)
        save(chromium.screenshot(), Path(sys.argv[2]) if len(sys.argv) > 2 else PICTURE)


@contextlib.contextmanager
def started(*arguments: str, folder: Path | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `kerasbridge demo` in a group of processes of its own; yield the process and the address of its page."""
    command = [sys.executable, "-m", "kerasbridge", "demo", *arguments]
    # a background job of a shell ignores Ctrl-C, and would pass that on
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                sys.exit(f"{' '.join(command)} ended with {process.wait()}.")
            yield process, next(word for word in line.split() if word.startswith("http"))
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)


def draw(chromium: browser.Browser, strokes: Sequence[draw_digits.Stroke], touch: bool = False) -> None:
    """Draw strokes on the page, and wait until every backend has answered."""
    left, top, width, height = chromium.evaluate(PAD)
    for stroke in strokes:
        chromium.evaluate(CHANGED)
        points = [
            (left + width * (0.25 + 0.5 * x), top + height * (0.15 + 0.7 * y)) for x, y in draw_digits.curve(stroke)
        ]
        chromium.drag(points, touch)
        chromium.evaluate(DONE)


if __name__ == "__main__":
    main()
