"""MelSpectrogram: the energy of a signal in bands of equal width for the ear."""

from __future__ import annotations

import numpy as np

from ranvier import ops
from ranvier.layers.layer import Layer
from ranvier.symbolic import KerasTensor


class MelSpectrogram(Layer):
    """Spectrogram of a signal, weighed into bands of the mel scale, 1127 · ln(1 + f / 700).

    Args:
        fft_length: samples of the transform.
        sequence_stride: samples between frames.
        sequence_length: samples of a frame, `fft_length` at most and by default.
        window: see `ops.stft`.
        sampling_rate: samples per second.
        num_mel_bins: number of bands.
        min_freq: lower edge of the first band in Hz.
        max_freq: upper edge of the last one, half the sampling rate by default.
        power_to_db: whether the result is in decibel.
        top_db: decibels below the loudest value at which the result is cut off.
        mag_exp: exponent of the magnitude: 1 energy, 2 power.
        min_power: smallest value that a logarithm is taken of.
        ref_power: what counts as 0 decibel.

    Input: (samples,) or (batch, samples). Output: (batch, num_mel_bins, frames), frames =
    1 + samples // `sequence_stride`.

    Raises:
        ValueError: `sequence_length` above `fft_length`.

    Example:
        >>> layers.MelSpectrogram(num_mel_bins=64)(ops.ones((2, 16000))).shape
        (2, 64, 32)
    """

    def __init__(
        self,
        fft_length=2048,
        sequence_stride=512,
        sequence_length=None,
        window="hann",
        sampling_rate=16000,
        num_mel_bins=128,
        min_freq=20.0,
        max_freq=None,
        power_to_db=True,
        top_db=80.0,
        mag_exp=2.0,
        min_power=1e-10,
        ref_power=1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.fft_length, self.sequence_stride = fft_length, sequence_stride
        self.sequence_length = sequence_length or fft_length
        if fft_length < self.sequence_length:
            raise ValueError(
                "`fft_length` must be greater than or equal to `sequence_length`. Received: "
                f"`sequence_length`={self.sequence_length}, `fft_length`={fft_length}."
            )
        self.window, self.sampling_rate = window, sampling_rate
        self.num_mel_bins = num_mel_bins
        self.min_freq, self.max_freq = min_freq, max_freq or int(sampling_rate / 2)
        self.power_to_db, self.top_db = power_to_db, top_db
        self.mag_exp, self.min_power, self.ref_power = mag_exp, min_power, ref_power
        self._allow_non_tensor_positional_args = True

    def call(self, inputs):
        dtype = self.compute_dtype if self.compute_dtype == "float64" else "float32"
        real, imag = ops.stft(
            ops.cast(ops.convert_to_tensor(inputs), dtype), self.sequence_length,
            self.sequence_stride, self.fft_length, window=self.window, center=True,
        )  # fmt: skip
        magnitude = ops.sqrt(ops.add(ops.square(real), ops.square(imag)))
        bands = ops.tensordot(
            ops.power(magnitude, self.mag_exp),
            self.linear_to_mel_weight_matrix(
                self.num_mel_bins, self.fft_length // 2 + 1, self.sampling_rate, self.min_freq,
                self.max_freq, dtype,
            ),
            axes=1,
        )  # fmt: skip
        if self.power_to_db:
            bands = self._decibel(bands)
        return ops.cast(ops.swapaxes(bands, -1, -2), self.compute_dtype)

    def compute_output_spec(self, inputs):
        spec = super().compute_output_spec(inputs)
        if inputs.shape[-1] is not None:
            return spec
        return KerasTensor((*spec.shape[:-1], None), dtype=spec.dtype)  # stand-ins fill one frame

    def _decibel(self, x):
        """10 log10(x / reference), at most `top_db` below the maximum."""
        reference = 10.0 * np.log10(max(abs(self.ref_power), self.min_power))
        levels = ops.multiply(ops.log10(ops.maximum(x, self.min_power)), 10.0)
        levels = ops.subtract(levels, float(reference))
        return ops.maximum(levels, ops.subtract(ops.max(levels), self.top_db))

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins=20,
        num_spectrogram_bins=129,
        sampling_rate=8000,
        lower_edge_hertz=125.0,
        upper_edge_hertz=3800.0,
        dtype="float32",
    ):
        """Weights of the frequencies in each band: triangles on the mel scale with peak 1.

        Args:
            num_mel_bins: number of bands.
            num_spectrogram_bins: number of frequencies from 0 to half the sampling rate.
            sampling_rate: samples per second.
            lower_edge_hertz, upper_edge_hertz: ends of the range that the bands cover.
            dtype: of the result.

        Returns:
            Tensor (num_spectrogram_bins, num_mel_bins).
        """
        frequencies = np.linspace(0.0, sampling_rate / 2.0, num_spectrogram_bins)
        mels = _mel(frequencies[1:])[:, None]  # frequency 0 is in no band
        edges = np.linspace(_mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2)
        low, center, high = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (mels - low) / (center - low), (high - mels) / (high - center)
        weights = np.maximum(0.0, np.minimum(rising, falling))
        return ops.convert_to_tensor(np.pad(weights, ((1, 0), (0, 0))), dtype=dtype)

    def get_config(self):
        names = ("fft_length", "sequence_stride", "sequence_length", "window", "sampling_rate",
                 "num_mel_bins", "min_freq", "max_freq", "power_to_db", "top_db", "mag_exp",
                 "min_power", "ref_power")  # fmt: skip
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _mel(hertz):
    """HTK's mel scale."""
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)
