"""Pages, examples, scripts, the noxfile and tests use plain English too; test_language.py checks the package."""

import io
import json
import re
import tokenize

import pytest

from tests.paths import ROOT
from tests.unit.test_language import BANNED, banned, docstrings, openers

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = [
    ROOT / "noxfile.py",
    *sorted(path for name in ("docs", "examples", "scripts") for path in (ROOT / name).rglob("*.py")),
]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
CODE_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`]*`")
LINK_TARGET = re.compile(r"\]\([^)]*\)")
ALLOWED: dict[str, set[str]] = {}
"""For each page, the words that are right there although `BANNED` lists them."""


def prose(page):
    """Return the text of a page without code and link targets, in the same lines."""
    for part in (CODE_BLOCK, INLINE_CODE, LINK_TARGET):
        page = part.sub(lambda found: "\n" * found[0].count("\n"), page)
    return page


def banned_in(text, allowed=frozenset()):
    """Return "line: word (what to write)" of each banned word in a text."""
    return [
        f"{text.count(chr(10), 0, found.start()) + 1}: {found[0]!r} (write: {instead})"
        for word, instead in BANNED.items()
        for found in re.finditer(rf"\b({word})\b", text, re.IGNORECASE)
        if found[0].lower() not in allowed
    ]


def comments(source):
    """Return the comments and docstrings of a module; strings of tests quote messages and contain code."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    found = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return "\n".join([*found, *(text for _, text in docstrings(source))])


def test_banned_words_are_not_used_in_pages():
    found = {page.relative_to(ROOT).as_posix(): page.read_text("utf-8") for page in PAGES}
    words = {name: banned_in(prose(text), ALLOWED.get(name, frozenset())) for name, text in found.items()}
    assert {name: each for name, each in words.items() if each} == {}


def test_banned_words_are_not_used_in_the_notebook():
    cells = json.loads((ROOT / "examples" / "quickstart.ipynb").read_text("utf-8"))["cells"]
    words = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    assert banned_in(prose("\n".join(words))) == []


def test_banned_words_are_not_used_in_examples_and_scripts():
    words = {path.relative_to(ROOT).as_posix(): banned(path.read_text("utf-8")) for path in CODE}
    assert {name: each for name, each in words.items() if each} == {}


def test_banned_words_are_not_used_in_comments_and_docstrings_of_tests():
    words = {path.relative_to(ROOT).as_posix(): banned_in(comments(path.read_text("utf-8"))) for path in TESTS}
    assert {name: each for name, each in words.items() if each} == {}


def test_docstrings_begin_with_a_verb_or_a_noun_here_too():
    first = {path.relative_to(ROOT).as_posix(): openers(path.read_text("utf-8")) for path in (*CODE, *TESTS)}
    assert {name: each for name, each in first.items() if each} == {}


def test_every_allowed_word_is_in_its_page():
    texts = {name: prose((ROOT / name).read_text("utf-8")).lower() for name in ALLOWED}
    assert [(name, word) for name, words in ALLOWED.items() for word in words if word not in texts[name]] == []


@pytest.mark.parametrize(
    "page",
    [
        "# What it says\n",
        "A\n`b`\n\n```python\nx\n```\n\n| c | made anew |\n",
        "```shell\nx\n```\n\nIt says\n```shell\ny\n```\n",
    ],
)
def test_a_banned_word_in_a_page_is_found_with_its_line(page):
    (found,) = banned_in(prose(page))
    line, _, word = found.partition(": ")
    assert word[1:5] in page.splitlines()[int(line) - 1]


def test_code_links_and_allowed_words_are_not_checked():
    page = "`says` [a](says.md)\n```text\nit says\n```\nsays\n"
    assert banned_in(prose(page), {"says"}) == []


def test_a_banned_word_in_a_comment_is_found_but_not_in_a_string():
    assert banned_in(comments('"""It says."""\n'))
    assert banned_in(comments("x = 1  # made anew\n"))
    assert banned_in(comments('x = "it says so"\n')) == []
