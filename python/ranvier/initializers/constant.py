"""Initializers that draw nothing."""

from __future__ import annotations

import numpy as np

from ranvier import ops, serialization
from ranvier.config import standardize_dtype
from ranvier.initializers.base import Initializer


class Constant(Initializer):
    """One value everywhere.

    Args:
        value: a number, or an array that broadcasts to the shape.

    Example:
        >>> keras.initializers.Constant(3.0)((2,)).tolist()
        [3.0, 3.0]
    """

    def __init__(self, value=0.0):
        self.value = value

    def __call__(self, shape, dtype=None):
        dtype = standardize_dtype(dtype)
        if isinstance(self.value, (int, float)):
            return ops.full(shape, self.value, dtype=dtype)
        return ops.broadcast_to(ops.cast(self.value, dtype), tuple(shape))

    def get_config(self):
        return {"value": serialization.serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config):
        return cls(serialization.deserialize_keras_object(config["value"]))


class Zeros(Initializer):
    """Zeros.

    Example:
        >>> keras.initializers.Zeros()((2,)).tolist()
        [0.0, 0.0]
    """

    def __call__(self, shape, dtype=None):
        return ops.zeros(shape, dtype=standardize_dtype(dtype))


class Ones(Initializer):
    """Ones.

    Example:
        >>> keras.initializers.Ones()((2,)).tolist()
        [1.0, 1.0]
    """

    def __call__(self, shape, dtype=None):
        return ops.ones(shape, dtype=standardize_dtype(dtype))


class Identity(Initializer):
    """A multiple of the identity matrix.

    Args:
        gain: the factor.

    Example:
        >>> keras.initializers.Identity()((2, 2)).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, gain=1.0):
        self.gain = gain

    def __call__(self, shape, dtype=None):
        if len(shape) != 2:
            raise ValueError(
                "Identity matrix initializer can only be used for 2D matrices. Received: "
                f"shape={shape} of rank {len(shape)}."
            )
        return ops.multiply(ops.eye(*shape, dtype=standardize_dtype(dtype)), self.gain)

    def get_config(self):
        # Keras writes no gain; a file needs it only where it is not the default.
        return {"gain": self.gain} if self.gain != 1.0 else {}


# Coefficients a_k of the windows sum_k a_k cos(2 pi k n / N).
_COSINE_WINDOWS = {
    "hann": (0.5, -0.5),
    "hamming": (0.54, -0.46),
    "blackman": (0.42, -0.5, 0.08),
    "boxcar": (1.0,),
}


def _window(name, length, periodic):
    """The window's samples: from the table, else SciPy's."""
    if name not in _COSINE_WINDOWS:
        return _scipy_window(name)(name, length, fftbins=periodic)
    points = length if periodic else max(length - 1, 1)
    phase = 2.0 * np.pi * np.arange(length) / points
    return sum(a * np.cos(k * phase) for k, a in enumerate(_COSINE_WINDOWS[name]))


def _scipy_window(name):
    try:
        from scipy.signal import get_window
    except ImportError:
        raise ValueError(
            f"Unknown window: {name}. Expected one of {sorted(_COSINE_WINDOWS)}, an array, or "
            "another window of SciPy, which is not installed. Hint: pip install scipy"
        ) from None
    get_window(name, 1)  # raises for names that SciPy does not know either
    return get_window


class STFT(Initializer):
    """The basis of a short-time Fourier transform: (frame length, 1, bins).

    Args:
        side: "real" for cosines, "imag" for sines.
        window: "hann", "hamming", "blackman", "boxcar", another name that SciPy knows, an array of
            the frame's length, or `None`.
        scaling: "density" divides by the window's norm, "spectrum" by the sum of its magnitudes.
        periodic: whether the window's period is the frame's length rather than one less.

    Example:
        >>> keras.initializers.STFT("real")((16, 1, 9)).shape
        (16, 1, 9)
    """

    def __init__(self, side="real", window="hann", scaling="density", periodic=False):
        if side not in ("real", "imag"):
            raise ValueError(f"side should be 'real' or 'imag', not {side}")
        if isinstance(window, str) and window not in _COSINE_WINDOWS:
            _scipy_window(window)
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(
                "Scaling is invalid, it must be `None`, 'density' or 'spectrum'. "
                f"Received scaling={scaling}"
            )
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape, dtype=None):
        frame, _, bins = shape
        phase = -2.0 * np.pi * np.arange(frame)[:, None] * np.arange(bins) / ((bins - 1) * 2)
        kernel = np.cos(phase) if self.side == "real" else np.sin(phase)
        if self.window is not None:
            window = self.window
            if isinstance(window, str):
                window = _window(window, frame, self.periodic)
            window = np.asarray(window, dtype="float64")
            if window.shape != (frame,):
                raise ValueError(
                    "The shape of `window` must be equal to [frame_length]. "
                    f"Received: window shape={window.shape}"
                )
            scale = 1.0
            if self.scaling == "density":
                scale = np.sqrt(np.sum(window**2))
            elif self.scaling == "spectrum":
                scale = np.sum(np.abs(window))
            kernel = kernel * window[:, None] / scale
        values = np.broadcast_to(kernel[:, None, :], tuple(shape))
        return ops.convert_to_tensor(np.ascontiguousarray(values), dtype=standardize_dtype(dtype))

    def get_config(self):
        return {
            "side": self.side,
            "window": self.window,
            "periodic": self.periodic,
            "scaling": self.scaling,
        }
