"""Make docs/images/compare-report.png and compare-report-phone.png from a report of `kerasbridge compare`.

    python scripts/make_report_screenshot.py REPORT.html [FOLDER]

Needs Chromium on the PATH, `apt-get install chromium`, and Pillow, which kerasbridge depends on.
"""

import sys
from pathlib import Path

import browser
from save_screenshot import save

FOLDER = Path(__file__).parents[1] / "docs" / "images"
WINDOWS = {"compare-report.png": (1000, 800), "compare-report-phone.png": (360, 740)}


def main() -> None:
    """Save two screenshots of the whole page."""
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    page, folder = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else FOLDER
    path = browser.find()
    if not page.is_file() or path is None:
        sys.exit(f"Expected {page} to be a page, and one of {', '.join(browser.NAMES)} on the PATH.")
    folder.mkdir(parents=True, exist_ok=True)
    with browser.Browser(path) as chromium:
        for name, (width, height) in WINDOWS.items():
            chromium.open(page, width, height)
            save(chromium.screenshot(), folder / name)


if __name__ == "__main__":
    main()
