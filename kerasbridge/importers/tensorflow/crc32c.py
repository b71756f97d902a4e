"""CRC-32C, the checksum of TensorFlow files, in NumPy: many pieces at once, which are then combined.

Castagnoli polynomial, reflected (RFC 3720, appendix B.4). Files store it masked: rotated, plus a constant
(`tensorflow/core/lib/hash/crc32c.h`).
"""

import functools

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL, _ALL_ONES, _LANES = 0x82F63B78, 0xFFFFFFFF, 4096
Words = NDArray[np.uint32]


def masked_crc32c(content: bytes) -> int:
    """Return the checksum as files store it.

    >>> hex(masked_crc32c(b"123456789"))
    '0xc78ab0e5'
    """
    crc = crc32c(content)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & _ALL_ONES


def crc32c(content: bytes) -> int:
    """Return the checksum.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    values = np.frombuffer(content, np.uint8)
    length = len(values) // _LANES
    lanes = values[: length * _LANES].reshape(_LANES, length)
    states = np.zeros(_LANES, np.uint32)
    for column in lanes.T:
        states = _step(states, column)
    crc = _advance(_ALL_ONES, length * _LANES) ^ (_combine(states, length) if length else 0)
    for byte in values[length * _LANES :]:
        crc = int(_step(np.array([crc], np.uint32), np.array([byte]))[0])
    return crc ^ _ALL_ONES


def _step(states: Words, byte: NDArray[np.uint8]) -> Words:
    """Return the states after one more byte each."""
    result: Words = _table()[(states ^ byte) & 255] ^ (states >> np.uint32(8))
    return result


@functools.cache
def _table() -> Words:
    """Return the state after each of the 256 bytes, from a state of 0."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> np.uint32(1)) ^ np.uint32(_POLYNOMIAL), table >> np.uint32(1))
    return table


def _combine(states: Words, length: int) -> int:
    """Return the state after pieces of one length, from the state after each: pairs are combined until one is left."""
    while len(states) > 1:
        states = _multiply(_zeros_matrix(length), states[::2]) ^ states[1::2]
        length *= 2
    return int(states[0])


def _advance(state: int, length: int) -> int:
    """Return the state after a number of zero bytes."""
    return int(_multiply(_zeros_matrix(length), np.array([state], np.uint32))[0])


@functools.lru_cache(64)
def _zeros_matrix(length: int) -> Words:
    """Return the matrix over GF(2) that advances a state by a number of zero bytes."""
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
