"""Handmade comparisons, and parsers of their reports."""

import re
from html.parser import HTMLParser

import numpy as np

from kerasbridge.parity import report
from kerasbridge.parity.compare import Comparison
from kerasbridge.parity.record import Curve
from kerasbridge.parity.verdict import judge
from tests.unit.parity.records import apart, curve, record

UNIT = 2.0**-23
EMPTY = {"meta", "link", "br", "path"}


def compared(*records):
    judgement = judge(records)
    return Comparison(judgement.verdict, tuple(records), judgement)


def page(*records):
    return report.page(compared(*records))


def rounding(*others):
    return record("jax"), record("torch", apart(5 * UNIT, start=2)), *others


def disagreeing():
    return record("jax"), record("torch", apart(1e-2, start=9)), record("tensorflow")


def long(steps, values=None):
    losses = 2 + np.sin(np.arange(steps) ** 2) if values is None else values
    return Curve(losses, losses * 3, curve().final_weights)


def text(html):
    """Return the visible text in one line."""
    body = re.sub(r"<(style|title|desc)\b.*?</\1>", " ", html.partition("<body>")[2], flags=re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", body).replace("&lt;", "<").split())


def chart(html, name):
    """Return the SVG content of one chart."""
    return re.search(rf'<svg class="plot" role="img" aria-labelledby="{name}-title.*?</svg>\n.*?</svg>', html, re.S)[0]


def paths(picture, kind):
    """Return the coordinates of the paths of one class, as lists of numbers by path."""
    found = re.findall(rf'<path class="([^"]*\b{kind}\b[^"]*)" d="([^"]*)"', picture)
    return {style: [float(number) for number in re.findall(r"-?[\d.]+", d)] for style, d in found}


class Elements(HTMLParser):
    """Collect every element with its attributes, and check that elements are closed in order."""

    def __init__(self, html):
        super().__init__()
        self.seen, self.open = [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in EMPTY:
            assert self.open.pop() == tag


def elements(html, tag):
    return [attributes for name, attributes in Elements(html).seen if name == tag]
