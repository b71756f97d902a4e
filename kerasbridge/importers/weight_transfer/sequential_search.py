"""Matching by order and shape: the file's units in sequence, to slots in every order that the model's graph allows."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from kerasbridge.importers.weight_transfer.available_arrays import AvailableArrays, Match
from kerasbridge.importers.weight_transfer.topology import SlotTopology

MAX_STEPS = 20_000
"""Steps after which a model with many identical branches counts as ambiguous."""

MAX_ARRAYS_PER_LAYER = 32
"""Arrays of one layer: a bidirectional LSTM in Lasagne has 28."""

_Chain = tuple[int, Match, Any] | None


@dataclass(frozen=True)
class SearchResult:
    """The result of a search.

    Args:
        solutions: the match of each slot, by its number; at most two solutions.
        furthest: the matches of the attempt that got furthest.
    """

    solutions: list[dict[int, Match]]
    furthest: dict[int, Match]


@dataclass(frozen=True)
class _State:
    """A partial solution: the filled slots as a bit mask, the number of used units, the last slot and all matches."""

    filled: int
    used_units: int
    last_slot: int | None
    chain: _Chain


def search(
    topology: SlotTopology, available: AvailableArrays, fixed: Collection[int], units: list[int], allow_unused: bool
) -> SearchResult:
    """Find the ways to assign the units in sequence; slots on a path without branches follow one another.

    Args:
        topology: the slots of the model.
        available: the content of the file.
        fixed: the slots that have a match already.
        units: the remaining units, in the file's order.
        allow_unused: whether units may be left over.
    """
    all_filled = (1 << len(topology.slots)) - 1
    stack = [_State(sum(1 << number for number in fixed), 0, None, None)]
    solutions: list[dict[int, Match]] = []
    furthest = stack[0]
    for _ in range(MAX_STEPS):
        if not stack or len(solutions) > 1:
            return SearchResult(solutions, _matches(furthest.chain))
        state = stack.pop()
        if state.used_units > furthest.used_units:
            furthest = state
        if state.filled == all_filled:
            if allow_unused or state.used_units == len(units):
                solutions.append(_matches(state.chain))
            continue
        stack += reversed([*_next_states(topology, available, units, state)])
    return SearchResult([{}, {}], _matches(furthest.chain))


def _next_states(
    topology: SlotTopology, available: AvailableArrays, units: list[int], state: _State
) -> Iterator[_State]:
    for slot in _candidates(topology, state):
        match = available.match(topology.slots[slot], units[state.used_units : state.used_units + MAX_ARRAYS_PER_LAYER])
        if match is not None:
            used_units = state.used_units + len(match.units)
            yield _State(state.filled | 1 << slot, used_units, slot, (slot, match, state.chain))


def _candidates(topology: SlotTopology, state: _State) -> Iterator[int]:
    following = topology.successors.get(state.last_slot) if state.last_slot is not None else None
    if following is not None and not state.filled >> following & 1:
        yield following
        return
    for slot in range(len(topology.slots)):
        if not state.filled >> slot & 1 and not topology.ancestors(slot) & ~state.filled:
            yield slot


def _matches(chain: _Chain) -> dict[int, Match]:
    matches = {}
    while chain is not None:
        slot, match, chain = chain
        matches[slot] = match
    return dict(reversed(matches.items()))
