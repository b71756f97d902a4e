"""Alias of `kerasbridge.layers`, kept for scripts that import it and .keras files that refer to it."""

from kerasbridge.layers import *  # noqa: F403
