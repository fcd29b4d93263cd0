"""Sound files of a directory as batches."""

from __future__ import annotations

import math
import wave

import numpy as np

from ranvier.utils.batched_dataset import datasets_from_directory

_FORMATS = (".wav",)


def audio_dataset_from_directory(
    directory,
    labels="inferred",
    label_mode="int",
    class_names=None,
    batch_size=32,
    sampling_rate=None,
    output_sequence_length=None,
    ragged=False,
    shuffle=True,
    seed=None,
    validation_split=None,
    subset=None,
    follow_links=False,
    verbose=True,
):
    """The `.wav` files below a directory (PCM of 8 to 32 bits) as batches.

    Args:
        sampling_rate: samples per second to convert to (needs SciPy); each file's own by default.
        output_sequence_length: samples per sound: longer ones are cut, shorter ones end in zeros.
            Without it every batch is as long as its longest sound.
        ragged: must be `False`.
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split,
            subset, follow_links, verbose: see `text_dataset_from_directory`.

    Returns:
        A data set of sounds (float32 in [-1, 1), (batch, samples, channels)) or of
        `(sounds, labels)`; a tuple of two with `subset="both"`.

    Raises:
        ValueError: arguments that do not go together, no file was found, or one is damaged.
        ImportError: `sampling_rate` without SciPy.

    Example:
        >>> import os, wave
        >>> os.makedirs("sounds/silence")
        >>> with wave.open("sounds/silence/1.wav", "wb") as file:
        ...     file.setparams((1, 2, 8000, 0, "NONE", ""))
        ...     file.writeframes(bytes(200))
        >>> data = keras.utils.audio_dataset_from_directory("sounds", verbose=False)
        >>> sounds, labels = next(iter(data))
        >>> sounds.shape
        (1, 100, 1)
    """
    if ragged and output_sequence_length is not None:
        raise ValueError("Cannot set both `ragged` and `output_sequence_length`.")
    if ragged:
        raise ValueError(
            "`ragged=True` cannot be used with backend ranvier: batches end in zeros. Hint: leave "
            "`ragged` out."
        )
    if sampling_rate is not None:
        if not isinstance(sampling_rate, int):
            raise ValueError(
                "`sampling_rate` should have an integer value. "
                f"Received: sampling_rate={sampling_rate}"
            )
        if sampling_rate <= 0:
            raise ValueError(
                f"`sampling_rate` should be higher than 0. Received: sampling_rate={sampling_rate}"
            )
        _import_signal()

    def read_file(path):
        return read_wav(path, sampling_rate, output_sequence_length)

    found = datasets_from_directory(
        directory, read_file, "audio", _FORMATS, labels=labels, label_mode=label_mode,
        class_names=class_names, batch_size=batch_size, shuffle=shuffle, seed=seed,
        validation_split=validation_split, subset=subset, follow_links=follow_links,
        verbose=verbose, stack=_stack, plural="audio files",
    )  # fmt: skip
    return tuple(found) if subset == "both" else found


def read_wav(path, sampling_rate=None, length=None) -> np.ndarray:
    """The samples of a sound file, float32 (samples, channels) in [-1, 1)."""
    with wave.open(str(path), "rb") as file:
        width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
        raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8)
    if width == 1:  # unsigned
        samples = (raw.astype("float32") - 128) / 128
    else:
        # The bytes of each sample become the upper bytes of an int32.
        wide = np.zeros((len(raw) // width, 4), np.uint8)
        wide[:, 4 - width :] = raw.reshape(-1, width)
        samples = (wide.view("<i4")[:, 0] / 2.0**31).astype("float32")
    samples = samples.reshape(-1, channels)
    if sampling_rate is not None and sampling_rate != rate:
        common = math.gcd(sampling_rate, rate)
        resample = _import_signal().resample_poly
        samples = resample(samples, sampling_rate // common, rate // common, axis=0)
        samples = samples.astype("float32")
    return samples if length is None else _of_length(samples, length)


def _of_length(samples, length):
    samples = samples[:length]
    return np.pad(samples, ((0, length - len(samples)), (0, 0)))


def _stack(sounds):
    longest = max(len(s) for s in sounds)
    return np.stack([_of_length(s, longest) for s in sounds])


def _import_signal():
    try:
        from scipy import signal
    except ImportError:
        raise ImportError(
            "audio_dataset_from_directory: `sampling_rate` needs SciPy. Install it via `pip "
            "install scipy`."
        ) from None
    return signal
