"""The Python code in the README and in docs/ runs: the blocks of a page one after the other, as one script.

A block that begins with "```python needs pandas" is skipped if the package is not installed. One that begins with
"```python raises" must raise the error in the text block after it.
"""

import importlib.util
import inspect
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import kerasbridge as kb
from tests.paths import ROOT

BLOCK = re.compile(
    r"^```python(?: needs (\w+)| (raises))?\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL
)
SCRIPTS = Path(__file__).with_name("scripts.py")
RAISES = (Path(__file__).parent / "raising.py").read_text()
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text())]
ON_EACH = ("README.md", "docs/quickstart.md", "docs/training.md", "docs/your-own-step.md")
"""Pages that run on every backend; the others on torch alone."""
ALONE = ("docs/backends-and-devices.md", "docs/errors.md", "docs/random-numbers.md", "docs/the-same-numbers.md")
"""Pages that change settings of the process, or start processes."""


def script_of(page):
    """Return the blocks of a page as one script, and the missing packages of skipped blocks."""
    lines, missing = [RAISES], set()
    for package, raises, code, message in BLOCK.findall(page.read_text()):
        if raises:
            lines.append(f"with raises({message!r}):\n{textwrap.indent(code, '    ')}")
        elif not package or importlib.util.find_spec(package):
            lines.append(code)
        else:
            missing.add(package)
    return "\n".join(lines), sorted(missing)


def groups():
    """Yield the pages that share a process, as parameters."""
    names = [page.relative_to(ROOT).as_posix() for page in WITH_CODE]
    rest = [name for name in names if name not in (*ON_EACH, *ALONE)]
    imports = [name for name in rest if "coming-from" in name]
    yield pytest.param(ON_EACH, id="on each backend")
    yield pytest.param(imports, id="importing", marks=pytest.mark.once)
    yield pytest.param([name for name in rest if name not in imports], id="others", marks=pytest.mark.once)
    yield from (pytest.param([name], id=name, marks=pytest.mark.once) for name in names if name in ALONE)


@pytest.mark.parametrize("pages", [*groups()])
def test_the_code_of_the_pages_runs(pages, tmp_path):
    scripts, absent = [], set()
    for page in pages:
        scripts.append(tmp_path / f"{page.replace('/', '-').removesuffix('.md')}.py")
        code, missing = script_of(ROOT / page)
        scripts[-1].write_text(code)
        absent.update(missing)
    command = [sys.executable, SCRIPTS, tmp_path, *scripts]
    child = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert child.returncode == 0, child.stderr
    if absent:
        pytest.skip(f"passed without the blocks that need {', '.join(sorted(absent))}")


def test_every_block_is_one_that_runs():
    for page in PAGES:
        text = page.read_text()
        assert len(BLOCK.findall(text)) == text.count("```python"), page.name


def test_the_korean_quick_start_has_the_code_of_the_english_one():
    block = re.compile(r"^```(?:python|shell)\n.*?^```$", re.MULTILINE | re.DOTALL)
    english, korean = (
        [re.sub(r"#.*", "", code) for code in block.findall((ROOT / "docs" / page / "quickstart.md").read_text())]
        for page in ("", "ko")
    )
    assert korean == english


def test_the_readme_has_code_to_run():
    assert ROOT / "README.md" in WITH_CODE


def test_ci_runs_the_test_command_of_the_readme():
    assert "pip install nox && nox" in (ROOT / "README.md").read_text()
    steps = (ROOT / ".ci" / "run").read_text()
    assert re.search(r"^.*pip install --quiet nox$\n^nox ", steps, re.MULTILINE)


def test_links_between_pages_have_existing_targets():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_paths_named_in_pages_exist():
    path = re.compile(r"`((?:kerasbridge|tests|docs|examples|scripts)/[\w./-]*)`")
    named = {name for page in PAGES for name in path.findall(page.read_text())}
    assert len(named) > 30
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_public_name_is_on_the_api_page():
    page = (ROOT / "docs" / "api.md").read_text()
    modules = {name for name in kb.__all__ if inspect.ismodule(getattr(kb, name))}
    names = [f"kerasbridge.{name}" + "." * (name in modules) for name in kb.__all__ if name != "__version__"]
    assert [name for name in names if name not in page] == []


def test_addresses_have_valid_syntax():
    """Check the syntax only, because the test may run offline."""
    address = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(/[\w./%~-]*)?(#[\w-]+)?")
    for page in PAGES:
        for target in re.findall(r"\]\((\w+:[^)]*)\)", page.read_text()):
            assert address.fullmatch(target), f"{page.name}: {target}"
