"""The Python in the README and in docs/ runs: a page's blocks one after the other, as one script.

A block that begins with "```python needs pandas" is left out where that package is not installed.
"""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python(?: needs (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text())]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page, tmp_path):
    blocks = BLOCK.findall(page.read_text())
    missing = {package for package, _ in blocks if package and not importlib.util.find_spec(package)}
    script = tmp_path / f"{page.stem}.py"
    script.write_text("\n".join(code for package, code in blocks if package not in missing))
    command = [sys.executable, script]
    child = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert child.returncode == 0, child.stderr
    if missing:
        pytest.skip(f"ran, but for the blocks that need {', '.join(sorted(missing))}")


def test_every_block_is_one_that_runs():
    for page in PAGES:
        text = page.read_text()
        assert len(BLOCK.findall(text)) == text.count("```python"), page.name


def test_the_readme_has_code_to_run():
    assert ROOT / "README.md" in WITH_CODE


def test_ci_runs_the_tests_as_the_readme_says():
    assert "pip install nox && nox" in (ROOT / "README.md").read_text()
    steps = (ROOT / ".ci" / "run").read_text()
    assert re.search(r"^.*pip install --quiet nox$\n^nox ", steps, re.MULTILINE)


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
