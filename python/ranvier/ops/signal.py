"""Fourier transforms and frames of signals. Complex values are pairs (real, imaginary)."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops import joins
from ranvier.ops import shapes as sh
from ranvier.ops._define import MATH, apply, cast, op, reshape, to_float, to_tensor


def _pair(x):
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(
            f"Input `x` should be a tuple of two tensors - real and imaginary. Received: x={x}"
        )
    real, imag = (to_tensor(part) for part in x)
    if tuple(real.shape) != tuple(imag.shape):
        raise ValueError(
            "Input `x` should be a tuple of two tensors - real and imaginary. Both the real and "
            "imaginary parts should have the same shape. Received: "
            f"x[0].shape = {tuple(real.shape)}, x[1].shape = {tuple(imag.shape)}"
        )
    if not (config.is_float_dtype(real.dtype) and config.is_float_dtype(imag.dtype)):
        raise ValueError("At least one tensor in input `x` is not of type float. Received: dtypes "
                         f"{real.dtype} and {imag.dtype}")  # fmt: skip
    dtype = "float64" if "float64" in (real.dtype, imag.dtype) else "float32"
    return cast(real, dtype), cast(imag, dtype)


def _check_positive(name, value):
    if not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value}")


def _fft(real, imag, inverse=False):
    return apply("fft", [real, imag], {"inverse": inverse})


def _along_first(pair, inverse):
    """The transform along the axis before the last."""
    out = _fft(*(sh.swapaxes(part, -1, -2) for part in pair), inverse)
    return tuple(sh.swapaxes(part, -1, -2) for part in out)


def _need_rank(pair, rank):
    if len(pair[0].shape) < rank:
        raise B.ShapeError(
            f"Input should have rank >= {rank}. Received: input.shape = {tuple(pair[0].shape)}"
        )


@op(MATH, name="FFT")
def fft(x):
    """Discrete Fourier transform of the last axis.

    Args:
        x: tuple (real, imaginary) of float tensors (..., n).

    Returns:
        Tuple (real, imaginary) of (..., n): sum over t of x_t exp(-2 pi i k t / n).

    Example:
        >>> [part.shape for part in ops.fft((ops.ones((2, 8)), ops.zeros((2, 8))))]
        [(2, 8), (2, 8)]
    """
    pair = _pair(x)
    _need_rank(pair, 1)
    return _fft(*pair)


@op(MATH, name="FFT2")
def fft2(x):
    """Discrete Fourier transform of the last two axes; (real, imaginary) in and out.

    Example:
        >>> [part.shape for part in ops.fft2((ops.ones((4, 8)), ops.zeros((4, 8))))]
        [(4, 8), (4, 8)]
    """
    pair = _pair(x)
    _need_rank(pair, 2)
    return _along_first(_fft(*pair), False)


@op(MATH, name="IFFT2")
def ifft2(x):
    """Inverse of `fft2`.

    Example:
        >>> [part.tolist() for part in ops.ifft2(([[2.0, 0.0]], [[0.0, 0.0]]))]
        [[[1.0, 1.0]], [[0.0, 0.0]]]
    """
    pair = _pair(x)
    _need_rank(pair, 2)
    out = _along_first(_fft(*pair, True), True)
    scale = 1.0 / (pair[0].shape[-1] * pair[0].shape[-2])
    return tuple(ew.multiply(part, scale) for part in out)


def _fit_last(x, size):
    """Cut or padded with zeros at the end."""
    have = x.shape[-1]
    if have > size:
        return joins._cut(x, len(x.shape) - 1, 0, size)
    if have < size:
        return sh.pad(x, [(0, 0)] * (len(x.shape) - 1) + [(0, size - have)])
    return x


@op(MATH, static=("fft_length",), name="RFFT")
def rfft(x, fft_length=None):
    """The first n / 2 + 1 terms of the Fourier transform of real rows.

    Args:
        x: float tensor (..., n).
        fft_length: n of the transform; rows are cut or padded with zeros.

    Returns:
        Tuple (real, imaginary) of (..., n / 2 + 1).

    Example:
        >>> [part.shape for part in ops.rfft(ops.ones((2, 8)))]
        [(2, 5), (2, 5)]
    """
    x = to_float(x)
    x = cast(x, "float32") if x.dtype in ("float16", "bfloat16") else x
    if not x.shape:
        raise B.ShapeError("Input should have rank >= 1. Received: a scalar.")
    if fft_length is not None:
        _check_positive("fft_length", fft_length)
    return apply("rfft", [x if fft_length is None else _fit_last(x, int(fft_length))], None)


@op(MATH, static=("fft_length",), name="IRFFT")
def irfft(x, fft_length=None):
    """Inverse of `rfft`.

    Args:
        x: tuple (real, imaginary) of float tensors (..., terms).
        fft_length: n of the result, 2 (terms - 1) when not given; terms are cut or padded with
            zeros.

    Returns:
        Float tensor (..., n).

    Example:
        >>> ops.irfft(([2.0, 0.0], [0.0, 0.0])).tolist()
        [1.0, 1.0]
    """
    pair = _pair(x)
    _need_rank(pair, 1)
    if fft_length is not None:
        _check_positive("fft_length", fft_length)
    size = int(fft_length) if fft_length is not None else 2 * (pair[0].shape[-1] - 1)
    if size < 1:
        raise B.ShapeError(
            "irfft: one term gives no row. Expected `fft_length`, or two terms or more. Received: "
            f"x[0].shape={tuple(pair[0].shape)}"
        )
    terms = [_fit_last(part, size // 2 + 1) for part in pair]
    return ew.multiply(apply("irfft", terms, {"size": size}), 1.0 / size)


# --- frames ---------------------------------------------------------------------------------------


def _frame_index(count, length, stride):
    index = np.arange(count)[:, None] * stride + np.arange(length)[None, :]
    return B.tensor(index.astype("int32"))


@op(MATH, static=("sequence_length", "sequence_stride"))
def extract_sequences(x, sequence_length, sequence_stride):
    """Overlapping windows of the last axis.

    Args:
        x: (..., n).
        sequence_length: length of a window.
        sequence_stride: step between windows.

    Returns:
        (..., 1 + (n - sequence_length) // sequence_stride, sequence_length).

    Example:
        >>> ops.extract_sequences([1, 2, 3, 4], 2, 1).tolist()
        [[1, 2], [2, 3], [3, 4]]
    """
    x = to_tensor(x)
    if not x.shape:
        raise B.ShapeError(f"Input should have rank >= 1. Received: input.shape = {x.shape}")
    _check_positive("sequence_length", sequence_length)
    _check_positive("sequence_stride", sequence_stride)
    count = (x.shape[-1] - sequence_length) // sequence_stride + 1
    if count < 1:
        raise B.ShapeError(
            f"extract_sequences: the last axis is shorter than a window of {sequence_length}. "
            f"Received: x.shape={tuple(x.shape)}"
        )
    index = _frame_index(count, sequence_length, sequence_stride)
    return apply("take", [x, index], {"axis": len(x.shape) - 1})


def _window(window, sequence_length, fft_length, dtype):
    """The window as NumPy values, centred in `fft_length`; `None` is a box of full length."""
    if window is None:
        return np.ones(fft_length)
    if isinstance(window, str):
        # Periodic windows: one period of a + (1 - a) cos.
        first = {"hann": 0.5, "hamming": 0.54}.get(window)
        if first is None:
            raise ValueError("If a string is passed to `window`, it must be one of `\"hann\"`, "
                             f'`"hamming"`. Received: window={window}')  # fmt: skip
        turn = 2 * np.pi * np.arange(sequence_length) / sequence_length
        values = first - (1 - first) * np.cos(turn) if sequence_length > 1 else np.ones(1)
    else:
        values = np.asarray(to_tensor(window).numpy(), dtype="float64")
    if values.shape != (sequence_length,):
        raise ValueError(
            "The shape of `window` must be equal to [sequence_length]. "
            f"Received: window shape={values.shape}"
        )
    left = (fft_length - sequence_length) // 2
    values = np.pad(values, (left, fft_length - sequence_length - left))
    return values.astype(dtype).astype("float64")


def _check_frames(sequence_length, sequence_stride, fft_length):
    if fft_length < sequence_length:
        raise ValueError(
            "`fft_length` must equal or larger than `sequence_length`. Received: "
            f"sequence_length={sequence_length}, fft_length={fft_length}"
        )
    _check_positive("sequence_length", sequence_length)
    _check_positive("sequence_stride", sequence_stride)


_STFT = ("sequence_length", "sequence_stride", "fft_length", "window", "center")


@op(MATH, static=_STFT, name="STFT")
def stft(x, sequence_length, sequence_stride, fft_length, window="hann", center=True):
    """Short-time Fourier transform: `rfft` of windowed frames.

    Args:
        x: float32 or float64 (..., n).
        sequence_length: length of the window.
        sequence_stride: step between frames.
        fft_length: length of a frame, at least `sequence_length`; the window lies in its middle.
        window: "hann", "hamming", a vector of `sequence_length` values, or `None` for ones.
        center: whether x is padded by reflection, so that frame k is centred at k steps.

    Returns:
        Tuple (real, imaginary) of (..., frames, fft_length / 2 + 1).

    Example:
        >>> [part.shape for part in ops.stft(ops.ones(64), 16, 8, 16)]
        [(9, 9), (9, 9)]
    """
    x = to_tensor(x)
    if x.dtype not in ("float32", "float64"):
        raise TypeError("Invalid input type. Expected `float32` or `float64`. Received: "
                        f"input type={x.dtype}")  # fmt: skip
    _check_frames(sequence_length, sequence_stride, fft_length)
    values = _window(window, sequence_length, fft_length, x.dtype)
    if center:
        half = fft_length // 2
        x = sh.pad(x, [(0, 0)] * (len(x.shape) - 1) + [(half, half)], mode="reflect")
    frames = extract_sequences(x, fft_length, sequence_stride)
    if window is not None:
        frames = ew.multiply(frames, B.tensor(values.astype(x.dtype)))
    return apply("rfft", [frames], None)


def _overlap_add(frames, stride):
    """(..., count, length) frames summed at multiples of the stride: (..., n)."""
    *lead, count, length = frames.shape
    size = stride * (count - 1) + length
    batch = reshape(frames, [-1, count, length])
    index = _frame_index(count, length, stride)
    out = apply("rows_grad", [batch, index], {"axis": 1, "size": size})
    return reshape(out, [*lead, size])


@op(MATH, static=("sequence_length", "sequence_stride", "fft_length", "length", "window", "center"),
    name="ISTFT")  # fmt: skip
def istft(x, sequence_length, sequence_stride, fft_length, length=None, window="hann", center=True):
    """Inverse of `stft`: windowed frames overlapped, added and divided by the squared windows.

    Args:
        x: tuple (real, imaginary) of (..., frames, fft_length / 2 + 1).
        sequence_length, sequence_stride, fft_length, window, center: as given to `stft`.
        length: samples to return; all that the frames cover when not given.

    Returns:
        Float tensor (..., n).

    Example:
        >>> ops.istft(ops.stft(ops.ones(64), 16, 8, 16), 16, 8, 16, length=64).shape
        (64,)
    """
    real, imag = _pair(x)
    if len(real.shape) < 2:
        raise ValueError(
            f"Input `x` must have at least 2 dimensions. Received shape: {tuple(real.shape)}"
        )
    _check_frames(sequence_length, sequence_stride, fft_length)
    values = _window(window, sequence_length, fft_length, real.dtype)
    frames = irfft((real, imag), fft_length)
    frames = ew.multiply(frames, B.tensor(values.astype(real.dtype)))
    total = _overlap_add(frames, sequence_stride)
    count = real.shape[-2]
    weight = np.zeros(total.shape[-1])
    for at in range(0, count * sequence_stride, sequence_stride):
        weight[at : at + fft_length] += values**2
    weight = np.where(weight > 1e-10, weight, 1.0)
    if window is None:
        weight *= sequence_stride / fft_length
    total = ew.divide(total, B.tensor(weight.astype(real.dtype)))
    start = fft_length // 2 if center else 0
    stop = total.shape[-1]
    if length is not None:
        stop = min(stop, start + length)
    elif center:
        stop -= fft_length // 2
    return joins._cut(total, len(total.shape) - 1, start, max(0, stop - start))
