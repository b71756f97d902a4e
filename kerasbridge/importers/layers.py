"""Alias of `kerasbridge.layers`: scripts import it before they open a .keras file, and files name it."""

from kerasbridge.layers import *  # noqa: F403
