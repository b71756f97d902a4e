"""Matching by order and shape: a file's units one after the other, to parts in each order that the model allows."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from kerasbridge.importers.weight_transfer.available_arrays import AvailableArrays, Match
from kerasbridge.importers.weight_transfer.topology import SlotTopology

MAX_STEPS = 20_000
"""Tried before a model with many branches that are alike counts as ambiguous."""

MAX_ARRAYS_PER_LAYER = 32
"""Arrays of one layer: two LSTMs of Lasagne's have 28."""

_Chain = tuple[int, Match, Any] | None


@dataclass(frozen=True)
class SearchResult:
    """What was found.

    Args:
        solutions: by the number of each part what it takes; not more than two.
        furthest: as far as the best try went.
    """

    solutions: list[dict[int, Match]]
    furthest: dict[int, Match]


@dataclass(frozen=True)
class _State:
    """Parts that have theirs, as bits, how many units are taken, the last part, and the way here."""

    placed: int
    taken: int
    last: int | None
    chain: _Chain


def search(
    relations: SlotTopology, supply: AvailableArrays, fixed: Collection[int], units: list[int], some: bool
) -> SearchResult:
    """All ways to give the units to the parts; those along a way without branches follow one another.

    Args:
        relations: of the parts.
        supply: what the file holds.
        fixed: parts that have theirs.
        units: those that are left, in the file's order.
        some: whether units may be left over.
    """
    whole = (1 << len(relations.slots)) - 1
    waiting = [_State(sum(1 << one for one in fixed), 0, None, None)]
    solutions: list[dict[int, Match]] = []
    furthest = waiting[0]
    for _ in range(MAX_STEPS):
        if not waiting or len(solutions) > 1:
            return SearchResult(solutions, _assignment(furthest.chain))
        state = waiting.pop()
        if state.taken > furthest.taken:
            furthest = state
        if state.placed == whole:
            if some or state.taken == len(units):
                solutions.append(_assignment(state.chain))
            continue
        waiting += reversed([*_steps(relations, supply, units, state)])
    return SearchResult([{}, {}], _assignment(furthest.chain))


def _steps(relations: SlotTopology, supply: AvailableArrays, units: list[int], state: _State) -> Iterator[_State]:
    for part in _candidates(relations, state):
        match = supply.match(relations.slots[part], units[state.taken : state.taken + MAX_ARRAYS_PER_LAYER])
        if match is not None:
            yield _State(state.placed | 1 << part, state.taken + len(match.units), part, (part, match, state.chain))


def _candidates(relations: SlotTopology, state: _State) -> Iterator[int]:
    following = relations.successors.get(state.last) if state.last is not None else None
    if following is not None and not state.placed >> following & 1:
        yield following
        return
    for part in range(len(relations.slots)):
        if not state.placed >> part & 1 and not relations.ancestors(part) & ~state.placed:
            yield part


def _assignment(chain: _Chain) -> dict[int, Match]:
    found = {}
    while chain is not None:
        part, match, chain = chain
        found[part] = match
    return dict(reversed(found.items()))
