"""Prints the tables of cpp/kernels/cpu/simd/odd_tables.h: odd functions, polynomials by interval.

On each interval the function is a polynomial of degree 5 in x - c, fitted to the least largest
error (Lawson's weights), coefficient by coefficient: each is rounded to float32 before the next are
fitted. The half line is cut in one of two ways:
 - 32 intervals, where |x| + 1 changes its exponent or first three bits of mantissa. c is a float32
   near the middle at which the function's value is almost a float32 itself.
 - 16 intervals around the multiples c of a step of few bits. Of such steps the chosen ones give the
   smallest errors of GELU: the function's values at their multiples lie near float32s.

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
OCTAVES = {
    "Tanh": (np.tanh, 9, 1.0, True),
    "GeluGrad": (gelu_grad, 7, 0.5, False),
    "GeluTanhGrad": (gelu_tanh_grad, 7, 0.5, False),
}
# name: function, step. The function is 1/2 from 14.5 steps on.
STEPS = {
    "Gelu": (centred_cdf, 101 / 256),
    "GeluTanh": (lambda x: 0.5 * np.tanh(inner(x)), 405 / 1024),
}


def octave_intervals():
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


def fit(f, low, high, c, relative):
    """Coefficients, lowest first, of one interval."""
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
    return row


def octave_row(f, limit, constant, relative, low, high):
    """Centre and coefficients."""
    if low >= limit:
        return [np.float32(low), np.float32(constant)] + [np.float32(0)] * DEGREE
    c = np.float32(0) if low == 0 else centre(f, low, high)
    return [c, *fit(f, low, high, c, relative)]


def step_row(f, step, index):
    if index == 15:
        return [np.float32(0.5)] + [np.float32(0)] * DEGREE
    c = index * step
    return fit(f, max(0, c - step / 2), c + step / 2, c, False)


def literal(value):
    if value == 0:
        return "0.0f"
    head, mantissa, power = re.fullmatch(
        r"(-?0x1)\.([0-9a-f]*?)0*(p[+-]\d+)", float(value).hex()
    ).groups()
    return f"{head}{'.' + mantissa if mantissa else ''}{power}f"


def show(kind, name, reach, rows):
    print(f"inline constexpr {kind} k{name}Table = {{{reach}f, {{")
    for column in np.array(rows).T:
        text = "{" + ", ".join(literal(value) for value in column) + "},"
        print(textwrap.fill(text, 100, initial_indent="    ", subsequent_indent="     "))
    print("}};")


def main():
    for name, (f, limit, constant, relative) in OCTAVES.items():
        rows = [octave_row(f, limit, constant, relative, *ends) for ends in octave_intervals()]
        show("OctaveTable", name, limit + 0.5, np.roll(rows, FIRST, axis=0))
    for name, (f, step) in STEPS.items():
        show("StepTable", name, step, [step_row(f, step, index) for index in range(16)])


if __name__ == "__main__":
    main()
