"""STFTSpectrogram: spectra of the frames of a signal."""

from __future__ import annotations

import math
import warnings

from ranvier import config, initializers, ops
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.layer import Layer

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class STFTSpectrogram(Layer):
    """Short-time Fourier transform as two convolutions whose kernels may be trained.

    Args:
        mode: "real" and "imag" parts, both ("stft", one after the other), "angle", "magnitude",
            "log" of the magnitude, or "psd", the one-sided power.
        frame_length: samples of a frame.
        frame_step: samples between frames; half a frame by default.
        fft_length: samples of the transform, at least `frame_length`; by default the next power of
            two.
        window: "hann", "hamming", "blackman", "boxcar", an array, `None`, or another window of
            SciPy.
        periodic: whether the window is periodic rather than symmetric.
        scaling: "density", "spectrum" or `None`.
        padding: "valid" or "same".
        expand_dims: whether channels and frequencies lie on axes of their own.
        data_format: "channels_last" or "channels_first".

    Input: (batch, samples, channels), or (batch, channels, samples). Output: (batch, frames,
    channels · bins), with `expand_dims` (batch, frames, bins, channels); channels first: (batch,
    channels · bins, frames), (batch, channels, frames, bins). bins = `fft_length` // 2 + 1, twice
    as many with "stft".

    Raises:
        ValueError: arguments out of range.
        TypeError: an input that is no float.

    Example:
        >>> layers.STFTSpectrogram(frame_length=256)(ops.ones((2, 4000, 1))).shape
        (2, 30, 129)
    """

    def __init__(
        self,
        mode="log",
        frame_length=256,
        frame_step=None,
        fft_length=None,
        window="hann",
        periodic=False,
        scaling="density",
        padding="valid",
        expand_dims=False,
        data_format=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise ValueError(
                "`frame_step` should be a positive integer not greater than `frame_length`. "
                f"Received frame_step={frame_step}, frame_length={frame_length}"
            )
        if fft_length is not None and fft_length < frame_length:
            raise ValueError(
                "`fft_length` should be not less than `frame_length`. Received "
                f"fft_length={fft_length}, frame_length={frame_length}"
            )
        if fft_length is not None and fft_length & (fft_length - 1):
            warnings.warn(
                f"`fft_length` is recommended to be a power of two. Received {fft_length}",
                stacklevel=2,
            )
        if mode not in _MODES:
            raise ValueError(
                f"Output mode is invalid, it must be one of {', '.join(_MODES)}. "
                f"Received: mode={mode}"
            )
        if padding not in ("valid", "same"):
            raise ValueError(
                f"Padding is invalid, it should be 'valid', 'same'. Received: padding={padding}"
            )
        self.mode = mode
        self.frame_length, self.frame_step, self.fft_length = frame_length, frame_step, fft_length
        self._frame_step = frame_step or frame_length // 2
        self._fft_length = fft_length or 2 ** math.ceil(math.log2(frame_length))
        self.window, self.periodic, self.scaling = window, periodic, scaling
        self.padding, self.expand_dims = padding, expand_dims
        self.data_format = config.standardize_data_format(data_format)
        # Both sides check window and scaling.
        self._bases = {
            side: initializers.STFT(side, window, scaling, periodic) for side in ("real", "imag")
        }
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape):
        shape = (self.frame_length, 1, self._fft_length // 2 + 1)
        if self.mode != "imag":
            self.real_kernel = self.add_weight(shape, self._bases["real"], name="real_kernel")
        if self.mode != "real":
            self.imag_kernel = self.add_weight(shape, self._bases["imag"], name="imag_kernel")

    def call(self, inputs):
        if not config.is_float_dtype(inputs.dtype):
            raise TypeError(
                "Invalid input type. Expected `float16`, `float32` or `float64`. Received: input "
                f"type={inputs.dtype}"
            )
        x = ops.transpose(inputs, (0, 2, 1)) if self.data_format == "channels_last" else inputs
        real = self._transform(x, self.real_kernel) if self.mode != "imag" else None
        imag = self._transform(x, self.imag_kernel) if self.mode != "real" else None
        return self._arrange(self._select(real, imag))

    def _transform(self, x, kernel):
        """(batch, channels, frames, bins) of the signals (batch, channels, samples)."""
        _, channels, samples = x.shape
        frames = ops.conv(
            ops.reshape(x, (-1, samples, 1)), ops.cast(kernel, x.dtype), padding=self.padding,
            strides=self._frame_step, data_format="channels_last",
        )  # fmt: skip
        return ops.reshape(frames, (-1, channels, *frames.shape[1:]))

    def _select(self, real, imag):
        if self.mode == "real":
            return real
        if self.mode == "imag":
            return imag
        if self.mode == "angle":
            return ops.arctan2(imag, real)
        if self.mode == "stft":
            return ops.concatenate([real, imag], axis=-1)
        power = ops.add(ops.square(real), ops.square(imag))
        if self.mode == "psd":
            # Bins between the first and the last stand for two frequencies each.
            inner = ops.pad(power[..., 1:-1], ((0, 0), (0, 0), (0, 0), (1, 1)))
            return ops.add(power, inner)
        magnitude = ops.sqrt(ops.maximum(power, config.epsilon()))
        if self.mode == "magnitude":
            return magnitude
        return ops.log(ops.maximum(magnitude, config.epsilon()))

    def _arrange(self, x):
        """From (batch, channels, frames, bins) to the output's order of axes."""
        first = self.data_format == "channels_first"
        if self.expand_dims:
            return x if first else ops.transpose(x, (0, 2, 3, 1))
        _, channels, frames, bins = x.shape
        if first:
            return ops.reshape(ops.transpose(x, (0, 1, 3, 2)), (-1, channels * bins, frames))
        return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, frames, channels * bins))

    def get_config(self):
        return {
            **super().get_config(),
            "mode": self.mode,
            "frame_length": self.frame_length,
            "frame_step": self.frame_step,
            "fft_length": self.fft_length,
            "window": self.window,
            "periodic": self.periodic,
            "scaling": self.scaling,
            "padding": self.padding,
            "data_format": self.data_format,
            "expand_dims": self.expand_dims,
        }
