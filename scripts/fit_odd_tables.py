"""Prints the tables of cpp/kernels/cpu/simd/odd_tables.h: odd functions, polynomials by interval.

The half line is cut where |x| + 1 changes its exponent or first three bits of mantissa. On each of
these 32 intervals the function is a polynomial of degree 5 in x - c, fitted to the least largest
error (Lawson's weights), coefficient by coefficient: each is rounded to float32 before the next are
fitted. c is a float32 near the middle at which the function's value is almost a float32 itself.

    python scripts/fit_odd_tables.py > tables.txt
"""

from __future__ import annotations

import math
import re
import textwrap

import numpy as np

DEGREE = 5
FIRST = 24  # index of the first interval: the low five bits of the bits of 1.0 >> 20
SLOPE, CUBE = math.sqrt(2 / math.pi), 0.044715

erf = np.vectorize(math.erf)


def centred_cdf(x):
    return 0.5 * erf(x / math.sqrt(2))


def inner(x):
    return SLOPE * (x + CUBE * x**3)


def gelu_grad(x):
    return centred_cdf(x) + x * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def gelu_tanh_grad(x):
    t = np.tanh(inner(x))
    return 0.5 * t + 0.5 * x * (1 - t * t) * SLOPE * (1 + 3 * CUBE * x * x)


# name: function, from where on it is constant, that constant, whether small values count by their
# own size
FUNCTIONS = {
    "Tanh": (np.tanh, 9, 1.0, True),
    "Gelu": (centred_cdf, 7, 0.5, False),
    "GeluGrad": (gelu_grad, 7, 0.5, False),
    "GeluTanh": (lambda x: 0.5 * np.tanh(inner(x)), 7, 0.5, False),
    "GeluTanhGrad": (gelu_tanh_grad, 7, 0.5, False),
}


def intervals():
    for octave in (1, 2, 4, 8):
        for eighth in range(8):
            low = octave * (1 + eighth / 8)
            yield low - 1, low + octave / 8 - 1


def centre(f, low, high):
    """The float32 near the middle whose value lies nearest to a float32."""
    middle = np.float32((low + high) / 2)
    near = middle + np.arange(-300, 301) * np.spacing(middle)
    values = f(near.astype(float))
    rounded = values.astype(np.float32)
    return near[np.argmin(np.abs(values - rounded) / np.spacing(rounded))]


def least_largest(terms, target, weight):
    """The sum of terms nearest to the target by the largest weighted error."""
    size = np.abs(terms).max(axis=0)
    lawson = np.full(len(target), 1 / len(target))
    for _ in range(60):
        w = np.sqrt(lawson) * weight
        solution = np.linalg.lstsq(terms / size * w[:, None], target * w, rcond=None)[0] / size
        error = np.abs((terms @ solution - target) * weight)
        if error.max() < 1e-13:
            break
        lawson *= error / error.max() + 1e-9
        lawson /= lawson.sum()
    return solution


def fit(f, low, high, relative):
    """Centre and coefficients, lowest first, of one interval."""
    c = np.float32(0) if low == 0 else centre(f, low, high)
    x = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(400) + 0.5) / 400)
    y, t = f(x), x - float(c)
    weight = 1 / (np.abs(y) if relative else np.maximum(np.abs(y), 0.25))
    row = [np.float32(f(np.array([float(c)]))[0])]
    if low == 0 and relative:
        row.append(np.float32(1))  # the slope of tanh
    while len(row) <= DEGREE:
        rest = y - sum(float(value) * t**k for k, value in enumerate(row))
        terms = np.stack([t**k for k in range(len(row), DEGREE + 1)], axis=1)
        row.append(np.float32(least_largest(terms, rest, weight)[0]))
    return [c, *row]


def literal(value):
    if value == 0:
        return "0.0f"
    head, mantissa, power = re.fullmatch(
        r"(-?0x1)\.([0-9a-f]*?)0*(p[+-]\d+)", float(value).hex()
    ).groups()
    return f"{head}{'.' + mantissa if mantissa else ''}{power}f"


def main():
    for name, (f, limit, constant, relative) in FUNCTIONS.items():
        rows = [
            [np.float32(low), np.float32(constant)] + [np.float32(0)] * DEGREE
            if low >= limit
            else fit(f, low, high, relative)
            for low, high in intervals()
        ]
        columns = np.roll(np.array(rows), FIRST, axis=0).T
        print(f"inline constexpr OddTable k{name}Table = {{{limit + 0.5}f, {{")
        for column in columns:
            text = "{" + ", ".join(literal(value) for value in column) + "},"
            print(textwrap.fill(text, 100, initial_indent="    ", subsequent_indent="     "))
        print("}};")


if __name__ == "__main__":
    main()
