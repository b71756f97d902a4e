"""Docstrings, comments and messages use plain English and the field's terms."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

import kerasbridge

PACKAGE = Path(kerasbridge.__file__).parent
BANNED = {  # of software: the word, and what to write instead
    r"bring(s|ing)?|brought": "convert, load, move",
    r"says?|said|saying": "state, name, give",
    r"tells?|told|telling": "report, name",
    r"lies?|lay|lying": "is, is stored",
    r"anew": "again, new",
    r"besides?": "next to, in addition to, compared with",
    r"holds?|held|holding": "contain, store, compare",
    r"mend(s|ed|ing)?": "fix",
    r"persons?": "user",
    r"(is|are|was|were|be) (?-i:none)\b(?! of)": "is not one",
    r"in words|own words": "as text, its message",
    r"whoever": "the caller",
    r"judges?": "compare, evaluate",
}
OPENERS = re.compile(r"(What|Whether|How|Which|Where|Who|When|That)\b")


def sources():
    """Yield the path and the text of each module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, path.read_text("utf-8")


def texts(source):
    """Yield (line, text) of each comment, docstring and message: string literals with a space in them."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, re.sub(r"`[^`]*`", "", node.value)


def docstrings(source):
    """Yield (line, docstring) of a module and of all in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "lineno", 1), text


def banned(source):
    """Return "line: word (what to write)" of each banned word."""
    return [
        f"{line}: {found[0]!r} (write: {instead})"
        for line, text in texts(source)
        for word, instead in BANNED.items()
        for found in re.finditer(rf"\b({word})\b", text, re.IGNORECASE)
    ]


def openers(source):
    """Return "line: first words" of each docstring that begins with neither a verb nor a noun."""
    return [f"{line}: {text.splitlines()[0]}" for line, text in docstrings(source) if OPENERS.match(text)]


def test_banned_words_are_not_used():
    found = {str(path.relative_to(PACKAGE)): banned(text) for path, text in sources()}
    assert {path: words for path, words in found.items() if words} == {}


def test_docstrings_begin_with_a_verb_or_a_noun():
    found = {str(path.relative_to(PACKAGE)): openers(text) for path, text in sources()}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    ['"""The file says so."""', "x = 1  # is none", 'raise ValueError("it was brought here")', '"""Made anew."""'],
)
def test_a_banned_word_is_found(source):
    assert banned(source)


def test_a_docstring_that_begins_with_a_question_word_is_found():
    assert openers('def f():\n    """Whether it is."""')
