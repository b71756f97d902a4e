"""CRC-32C, the checksum of TensorFlow's files, in NumPy: many pieces at once, which are then put together.

Castagnoli's polynomial, reflected (RFC 3720, appendix B.4); a stored one is rotated, and a number added
(`tensorflow/core/lib/hash/crc32c.h`).
"""

import functools

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL, _ALL_ONES, _LANES = 0x82F63B78, 0xFFFFFFFF, 4096
Words = NDArray[np.uint32]


def masked_crc32c(content: bytes) -> int:
    """The checksum of some bytes as files hold it.

    >>> hex(masked(b"123456789"))
    '0xc78ab0e5'
    """
    crc = crc32c(content)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & _ALL_ONES


def crc32c(content: bytes) -> int:
    """The checksum itself.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    numbers = np.frombuffer(content, np.uint8)
    length = len(numbers) // _LANES
    lanes = numbers[: length * _LANES].reshape(_LANES, length)
    state = np.zeros(_LANES, np.uint32)
    for column in lanes.T:
        state = _step(state, column)
    crc = _advance(_ALL_ONES, length * _LANES) ^ (_combine(state, length) if length else 0)
    for byte in numbers[length * _LANES :]:
        crc = int(_step(np.array([crc], np.uint32), np.array([byte]))[0])
    return crc ^ _ALL_ONES


def _step(state: Words, byte: NDArray[np.uint8]) -> Words:
    found: Words = _table()[(state ^ byte) & 255] ^ (state >> np.uint32(8))
    return found


@functools.cache
def _table() -> Words:
    """What a byte makes of a state of 0."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> np.uint32(1)) ^ np.uint32(_POLYNOMIAL), table >> np.uint32(1))
    return table


def _combine(states: Words, length: int) -> int:
    """The state after all pieces of one length, given each one's: the first half of each pair goes further by it."""
    while len(states) > 1:
        states = _multiply(_zeros_matrix(length), states[::2]) ^ states[1::2]
        length *= 2
    return int(states[0])


def _advance(state: int, length: int) -> int:
    """The state after so many bytes of 0."""
    return int(_multiply(_zeros_matrix(length), np.array([state], np.uint32))[0])


@functools.lru_cache(64)
def _zeros_matrix(length: int) -> Words:
    """What so many bytes of 0 make of each bit of a state, as a matrix over the field of two numbers."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    if length == 0:
        return bits
    half = _zeros_matrix(length // 2)
    both = _multiply(half, half)
    return _step(both, np.zeros(32, np.uint8)) if length % 2 else both


def _multiply(matrix: Words, states: Words) -> Words:
    result = np.zeros_like(states)
    for bit, row in enumerate(matrix):
        result ^= np.where((states >> np.uint32(bit)) & np.uint32(1), row, np.uint32(0))
    return result
