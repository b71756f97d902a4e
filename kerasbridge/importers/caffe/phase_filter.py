"""Select the layers for inference (`Net::FilterNet` of `src/caffe/net.cpp`)."""

from collections.abc import Iterable
from typing import Any

from kerasbridge.importers.caffe.parser import Layer

TEST = 1
"""The number of the phase in caffe.proto."""


def for_testing(layers: Iterable[Layer], state: Any) -> list[Layer]:
    """Return the layers of the TEST phase, for the level and the stages that the file sets."""
    return [layer for layer in layers if _belongs(layer.message, state)]


def _belongs(layer: Any, state: Any) -> bool:
    if layer.include:
        return any(_meets(state, rule) for rule in layer.include)
    return not any(_meets(state, rule) for rule in layer.exclude)


def _meets(state: Any, rule: Any) -> bool:
    stages = {*state.stage}
    return (
        (not rule.HasField("phase") or rule.phase == TEST)
        and (not rule.HasField("min_level") or state.level >= rule.min_level)
        and (not rule.HasField("max_level") or state.level <= rule.max_level)
        and stages >= {*rule.stage}
        and not stages & {*rule.not_stage}
    )
