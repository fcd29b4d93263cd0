"""Rows of the preprocessing layers that real Keras runs without TensorFlow."""

from layer_rows import row

row("Normalization", (4, 3), mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 0.0])
row("Normalization", (4, 3, 2), axis=None, mean=1.5, variance=4.0)
row("Normalization", (4, 3, 2), axis=(1, 2), mean=[0.5, 1.0], variance=[2.0, 3.0], invert=True)
for _mode in ("int", "one_hot", "multi_hot", "count"):
    _dtype = "int32" if _mode == "int" else "float32"
    row("Discretization", (4, 3), dtype=_dtype, bin_boundaries=[0.0, 1.5], output_mode=_mode)
    if _mode != "int":
        row("CategoryEncoding", (4, 3), dtype="int32", num_tokens=4, output_mode=_mode)
row("Discretization", (4, 1), bin_boundaries=[-0.5, 0.0, 1.0], output_mode="one_hot")
row("CategoryEncoding", (4, 1), dtype="int32", num_tokens=5, output_mode="one_hot")
for _mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft"):
    _count = 1 if _mode in ("real", "imag") else 2
    row("STFTSpectrogram", (2, 70, 2), _count, mode=_mode, frame_length=16, frame_step=5)
for _format in ("channels_last", "channels_first"):
    _shape = (2, 70, 3) if _format == "channels_last" else (2, 3, 70)
    row(
        "STFTSpectrogram",
        _shape,
        2,
        mode="magnitude",
        frame_length=14,
        fft_length=32,
        padding="same",
        expand_dims=True,
        data_format=_format,
        window="hamming",
        scaling=None,
    )
    row("STFTSpectrogram", _shape, 2, mode="stft", frame_length=16, data_format=_format,
        periodic=True, scaling="spectrum")  # fmt: skip
row("MelSpectrogram", (2, 900), fft_length=256, sequence_stride=64, num_mel_bins=20)
row("MelSpectrogram", (2, 900), fft_length=256, sequence_length=200, sequence_stride=100,
    num_mel_bins=16, power_to_db=False, mag_exp=1.0, max_freq=4000, window="hamming")  # fmt: skip
row("Rescaling", (2, 4, 3), scale=[0.5, 1.0, 2.0], offset=[1.0, 0.0, -1.0])
