"""Modules that return their input, except while training."""

from kerasbridge.importers.torch7.ops.base import KEEPS_CHANNELS

IDENTITIES = frozenset(
    {
        "Contiguous",
        "Convert",
        "Copy",
        "GradientReversal",
        "Identity",
        "L1Penalty",
        "TotalVariation",
        "WhiteNoise",
    }
)
KEEPS_CHANNELS.update(("Contiguous", "Convert", "Copy", "Identity"))
