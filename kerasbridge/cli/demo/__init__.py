"""`kerasbridge demo`."""

from typing import Annotated

import typer

from kerasbridge.cli.app import app, errors_in_one_line
from kerasbridge.cli.options import Backends, Device, RunFolder, names


@app.command(epilog="Example: kerasbridge demo runs/first")
def demo(
    run: RunFolder,
    backends: Backends = None,
    device: Device = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0 for any that is free.")] = 0,
) -> None:
    """Open a page to draw a digit on, which every backend recognises.

    The page shows the ten probabilities of each backend next to each other, and the largest difference between two. It
    also takes photos, and the other runs in the same folder. Each backend runs in a process of its own. The page is
    only available on this machine, at 127.0.0.1, and loads nothing from elsewhere. Ctrl-C ends it.
    """
    with errors_in_one_line(quiet=False):
        from kerasbridge.cli.demo.server import serve

        serve(run, names(backends), device, port)
