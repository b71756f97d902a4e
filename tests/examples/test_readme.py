"""The Python in the README and in docs/ runs: a page's blocks one after the other, as one script."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text())]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page, tmp_path):
    script = tmp_path / f"{page.stem}.py"
    script.write_text("\n".join(BLOCK.findall(page.read_text())))
    command = [sys.executable, script]
    child = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert child.returncode == 0, child.stderr


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
