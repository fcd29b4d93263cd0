"""64-bit fingerprints of byte strings, of many at once: FarmHash and SipHash over NumPy arrays.

`fingerprint64` is FarmHash's `Fingerprint64` (G. Pike, 2014), `siphash` is SipHash-2-4
(J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012), `combine` is how
TensorFlow's crossing of columns joins two fingerprints. All arithmetic is modulo 2**64.
"""

from __future__ import annotations

import numpy as np

_K0, _K1, _K2 = (np.uint64(k) for k in (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F))
_CROSS = np.uint64(0xC6A4A7935BD1E995)
CROSS_START = 0xDECAFCAFFE
_BLOCK = 16384  # terms hashed together, whose arrays stay in the caches
_POWERS_OF_TEN = np.uint64(10) ** np.arange(1, 20, dtype=np.uint64)
_DIGITS = np.arange(10000)[:, None] // (1000, 100, 10, 1) % 10 + ord("0")
_FOUR_DIGITS = _DIGITS.astype(np.uint8).view("<u4")[:, 0]


def _u(value) -> np.uint64:
    return np.uint64(value)


def _rotate(x, right: int):
    return (x >> _u(right)) | (x << _u(64 - right))


def _shift_mix(x):
    return x ^ (x >> _u(47))


def _hash16(u, v, mul):
    a = _shift_mix((u ^ v) * mul)
    return _shift_mix((v ^ a) * mul) * mul


class Strings:
    """Byte strings in one buffer, with the reads that the hashes make.

    Args:
        buffer: bytes, at least seven more than the strings need.
        starts: where each string begins (int64).
        lengths: number of bytes of each.
    """

    def __init__(self, buffer, starts, lengths):
        self.starts, self.lengths = starts, lengths
        self._bytes = np.frombuffer(buffer, np.uint8)
        # A word begins at every byte: unaligned, overlapping.
        self._words = np.ndarray(len(self._bytes) - 7, "<u8", self._bytes, strides=(1,))

    @classmethod
    def encode(cls, texts) -> Strings:
        """A list of `str`, in UTF-8."""
        encoded = [text.encode("utf-8") for text in texts]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        return cls(b"".join(encoded) + bytes(8), np.cumsum(lengths) - lengths, lengths)

    @classmethod
    def decimals(cls, integers) -> Strings:
        """The decimal digits of each of an array of integers (int64)."""
        rest, negative = np.abs(integers).view(np.uint64), integers < 0
        lengths = 1 + np.searchsorted(_POWERS_OF_TEN, rest, side="right")
        groups = -(-int(lengths.max(initial=1)) // 4)
        text = np.zeros((len(rest), groups + 1), "<u4")  # the first group has room for a sign
        for group in range(groups, 0, -1):
            above = rest // _u(10000)
            text[:, group] = _FOUR_DIGITS[rest - above * _u(10000)]
            rest = above
        ends = np.arange(1, len(rest) + 1) * text.itemsize * (groups + 1)
        starts = ends - lengths - negative
        flat = np.append(text.view(np.uint8).reshape(-1), np.zeros(8, np.uint8))
        flat[starts[negative]] = ord("-")
        return cls(flat, starts, ends - starts)

    def word(self, at):
        """Eight bytes from each position, little-endian."""
        return self._words[at]

    def half(self, at):
        """Four bytes."""
        return self.word(at) & _u(0xFFFFFFFF)

    def byte(self, at):
        """One byte."""
        return self._bytes[at].astype(np.uint64)


def hash64(terms, salt=None) -> np.ndarray:
    """FarmHash of each term, or with a salt of two integers SipHash under that key, as uint64.

    Args:
        terms: a list of `str`, hashed in UTF-8, or an int64 array, hashed as decimal digits.
        salt: `None`, or two integers.
    """
    strings_of = Strings.decimals if isinstance(terms, np.ndarray) else Strings.encode
    hashes = np.empty(len(terms), np.uint64)
    for begin in range(0, len(terms), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        strings = strings_of(terms[block])
        hashes[block] = fingerprint64(strings) if salt is None else siphash(strings, salt)
    return hashes


def fingerprint64(text: Strings) -> np.ndarray:
    """FarmHash `Fingerprint64` of each string, as uint64."""
    out = np.full(len(text.lengths), _K2, np.uint64)
    bounds = ((1, 3, _farm_3), (4, 7, _farm_7), (8, 16, _farm_16), (17, 32, _farm_32),
              (33, 64, _farm_64))  # fmt: skip
    for low, high, farm in bounds:
        rows = np.flatnonzero((text.lengths >= low) & (text.lengths <= high))
        if len(rows):
            at, n = text.starts[rows], text.lengths[rows]
            out[rows] = farm(text, at, n, n.astype(np.uint64))
    blocks = (text.lengths - 1) // 64
    for count in np.unique(blocks[text.lengths > 64]):
        rows = np.flatnonzero(blocks == count)
        out[rows] = _farm_long(text, text.starts[rows], text.lengths[rows], int(count))
    return out


def _farm_3(text, at, n, size):
    first, middle, last = text.byte(at), text.byte(at + n // 2), text.byte(at + n - 1)
    y, z = first + (middle << _u(8)), size + (last << _u(2))
    return _shift_mix(y * _K2 ^ z * _K0) * _K2


def _farm_7(text, at, n, size):
    mul = _K2 + size * _u(2)
    return _hash16(size + (text.half(at) << _u(3)), text.half(at + n - 4), mul)


def _farm_16(text, at, n, size):
    mul = _K2 + size * _u(2)
    a, b = text.word(at) + _K2, text.word(at + n - 8)
    return _hash16(_rotate(b, 37) * mul + a, (_rotate(a, 25) + b) * mul, mul)


def _farm_32(text, at, n, size):
    mul = _K2 + size * _u(2)
    a, b = text.word(at) * _K1, text.word(at + 8)
    c, d = text.word(at + n - 8) * mul, text.word(at + n - 16) * _K2
    return _hash16(_rotate(a + b, 43) + _rotate(c, 30) + d, a + _rotate(b + _K2, 18) + c, mul)


def _farm_64(text, at, n, size):
    mul = _K2 + size * _u(2)
    a, b = text.word(at) * _K2, text.word(at + 8)
    c, d = text.word(at + n - 8) * mul, text.word(at + n - 16) * _K2
    y = _rotate(a + b, 43) + _rotate(c, 30) + d
    z = _hash16(y, a + _rotate(b + _K2, 18) + c, mul)
    e, f = text.word(at + 16) * mul, text.word(at + 24)
    g, h = (y + text.word(at + n - 32)) * mul, (z + text.word(at + n - 24)) * mul
    return _hash16(_rotate(e + f, 43) + _rotate(g, 30) + h, e + _rotate(f + a, 18) + g, mul)


def _weak_hash(text, at, a, b):
    """Two words from 32 bytes and two seeds."""
    w, x, y, z = (text.word(at + 8 * i) for i in range(4))
    a = a + w
    b = _rotate(b + a + z, 21)
    c = a
    a = a + x + y
    return a + z, b + _rotate(a, 44) + c


def _farm_long(text, at, n, blocks):
    """More than 64 bytes: all whole blocks before the last byte, then the last 64 bytes."""
    end = at + n
    seed = np.full(len(at), 81, np.uint64)
    x, y = seed, seed * _K1 + _u(113)
    z = _shift_mix(y * _K2 + _u(113)) * _K2
    zero = np.zeros(len(at), np.uint64)
    v, w = (zero, zero), (zero, zero)
    x = x * _K2 + text.word(at)
    one, nine = _u(1), _u(9)
    for block in range(blocks + 1):
        last = block == blocks
        mul, weight = _K1, one
        if last:
            mul, weight = _K1 + ((z & _u(0xFF)) << one), nine
            at = end - 64
            w = (w[0] + ((n - 1) & 63).astype(np.uint64), w[1])
            v = (v[0] + w[0], v[1])
            w = (w[0] + v[0], w[1])
        x = _rotate(x + y + v[0] + text.word(at + 8), 37) * mul
        y = _rotate(y + v[1] + text.word(at + 48), 42) * mul
        x = x ^ (w[1] * weight)
        y = y + v[0] * weight + text.word(at + 40)
        z = _rotate(z + w[0], 33) * mul
        v = _weak_hash(text, at, v[1] * mul, x + w[0])
        w = _weak_hash(text, at + 32, z + w[1], y + text.word(at + 16))
        x, z = z, x
        at = at + 64
    first = _hash16(v[0], w[0], mul) + _shift_mix(y) * _K0 + z
    return _hash16(first, _hash16(v[1], w[1], mul) + x, mul)


def siphash(text: Strings, key) -> np.ndarray:
    """SipHash-2-4 of each string under a key of two integers, as uint64."""
    k0, k1 = (_u(int(k) & 0xFFFFFFFFFFFFFFFF) for k in key)
    start = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    state = [np.full(len(text.lengths), _u(s) ^ k) for s, k in zip(start, (k0, k1, k0, k1))]
    whole = text.lengths // 8
    for block in range(int(whole.max(initial=0))):
        rows = np.flatnonzero(whole > block)
        part = _absorb([s[rows] for s in state], text.word(text.starts[rows] + 8 * block))
        for s, value in zip(state, part):
            s[rows] = value
    rest = (text.lengths % 8).astype(np.uint64)
    tail = text.word(text.starts + 8 * whole) & ((_u(1) << (rest * _u(8))) - _u(1))
    state = _absorb(state, tail | (text.lengths.astype(np.uint64) << _u(56)))
    state[2] = state[2] ^ _u(0xFF)
    for _ in range(4):
        state = _sip_round(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _absorb(state, word):
    v0, v1, v2, v3 = state
    v0, v1, v2, v3 = _sip_round(_sip_round([v0, v1, v2, v3 ^ word]))
    return [v0 ^ word, v1, v2, v3]


def _sip_round(state):
    v0, v1, v2, v3 = state
    v0, v2 = v0 + v1, v2 + v3
    v1, v3 = _rotate(v1, 51) ^ v0, _rotate(v3, 48) ^ v2
    v0 = _rotate(v0, 32)
    v2, v0 = v2 + v1, v0 + v3
    v1, v3 = _rotate(v1, 47) ^ v2, _rotate(v3, 43) ^ v0
    return [v0, v1, _rotate(v2, 32), v3]


def combine(left, right) -> np.ndarray:
    """One fingerprint from two, elementwise on uint64 arrays."""
    result = (left ^ _CROSS) ^ (_shift_mix(right * _CROSS) * _CROSS)
    return _shift_mix(_shift_mix(result * _CROSS) * _CROSS)
