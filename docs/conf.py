"""Configuration of Sphinx: `nox -s docs`, or `sphinx-build -W --keep-going docs build/docs`.

The pages are plain Markdown that is also readable on GitHub. The site loads nothing from other servers.
"""

import sys
from pathlib import Path
from typing import Any

from kerasbridge import __version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "kerasbridge"
author = "The kerasbridge developers"
copyright = author  # noqa: A001 - a name of Sphinx
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "command_line"]
exclude_patterns = ["_ext"]
myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]
smartquotes_action = "De"  # dashes and ellipses, but not quotes
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!kerasbridge\b).*")
]  # types of Python, Keras and NumPy, which are documented elsewhere
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
maximum_signature_line_length = 80
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = project
html_show_search_summary = False  # a page opened from disk cannot fetch it
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_copyright = False


def set_language(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Set the language of a page in a folder named after it, for fonts and screen readers."""
    folder, _, name = page.partition("/")
    if name and folder == "ko":
        context["language"] = folder


def setup(app: Any) -> None:
    app.connect("html-page-context", set_language)
