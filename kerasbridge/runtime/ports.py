"""Ports of this machine that nothing listens at."""

import contextlib
import socket


def free_ports(count: int) -> list[int]:
    """Return different free ports; another program may take them before they are used."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("", 0))
        return [each.getsockname()[1] for each in sockets]
