"""The directive `command-line`: every command of `kerasbridge`, from its help text."""

import re
from collections.abc import Iterator
from typing import Any

import typer
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from kerasbridge import cli

PROGRAM = "kerasbridge"
_MARKED = re.compile(r"(`[^`]*`)|(?<!\S)(--[a-z][a-z-]*)|([<>*_\[\]\\])")


class CommandLine(SphinxDirective):
    """A section per command: its description, arguments, options and example."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # the commands change even if the page does not
        group: Any = typer.main.get_command(cli.app)
        text = "\n".join(line for name in group.commands for line in described(group, name))
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def described(group: Any, name: str) -> Iterator[str]:
    """Yield the section of a command as Markdown."""
    command = group.commands[name]
    context = command.make_context(name, [], parent=group.make_context(PROGRAM, [name]), resilient_parsing=True)
    yield f"## {name}\n"
    yield f"{plain(command.help)}\n"
    yield f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    for parameter in command.params:
        yield from entry(parameter, context)
    yield from example(command.epilog)


def entry(parameter: Any, context: Any) -> Iterator[str]:
    """Yield an argument or option and its help as an item of a definition list."""
    record = parameter.get_help_record(context)
    if record is not None:
        words, meaning = record
        yield f"`{' '.join(words.split())}`\n: {plain(meaning) or 'See above.'}\n"


def example(epilog: str | None) -> Iterator[str]:
    """Yield the example of the help as a code block."""
    if epilog:
        yield f"```shell\n{epilog.removeprefix('Example: ')}\n```\n"


def plain(words: str) -> str:
    """Escape help text as Markdown without markup, except for code in backticks and options."""
    return _MARKED.sub(_as_markdown, words.strip())


def _as_markdown(found: re.Match[str]) -> str:
    code, option, mark = found.groups()
    return code or (f"`{option}`" if option else f"\\{mark}")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("command-line", CommandLine)
    return {"parallel_read_safe": True}
