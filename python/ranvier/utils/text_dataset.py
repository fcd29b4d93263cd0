"""Text files of a directory as batches."""

from __future__ import annotations

import numpy as np

from ranvier.utils.batched_dataset import datasets_from_directory

_FORMATS = (".txt",)


def text_dataset_from_directory(
    directory,
    labels="inferred",
    label_mode="int",
    class_names=None,
    batch_size=32,
    max_length=None,
    shuffle=True,
    seed=None,
    validation_split=None,
    subset=None,
    follow_links=False,
    format="tf",
    verbose=True,
):
    """The `.txt` files below a directory, one text per file, as batches.

    Args:
        directory: one subdirectory per class with `labels="inferred"`, else any tree of files.
        labels: "inferred", `None` for texts alone, or a list of integers in the order of the
            sorted paths.
        label_mode: "int" gives int32 (batch,), "binary" float32 (batch, 1), "categorical" one-hot
            rows, `None` no labels.
        class_names: order of the classes.
        batch_size: texts of a batch; `None` gives single ones.
        max_length: characters of a text at most.
        shuffle, seed: whether texts come in a random order, a new one in every pass.
        validation_split: share of the files that is held back.
        subset: "training", "validation" or "both" of the parts.
        follow_links: whether links to directories are followed.
        format: "tf" or "grain", for Keras' sake; the result is the same.
        verbose: whether the counts are printed.

    Returns:
        A data set of texts (NumPy arrays of `str`, (batch,)) or of `(texts, labels)`; a list of
        two with `subset="both"`. Its `class_names` are the names of the classes.

    Raises:
        ValueError: arguments that do not go together, or no file was found.

    Example:
        >>> import os
        >>> for name, text in [("good", "very fine"), ("bad", "not fine")]:
        ...     os.makedirs(f"reviews/{name}")
        ...     with open(f"reviews/{name}/1.txt", "w") as file:
        ...         _ = file.write(text)
        >>> data = keras.utils.text_dataset_from_directory("reviews", verbose=False)
        >>> data.class_names
        ['bad', 'good']
    """
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format}')

    def read_file(path):
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(-1 if max_length is None else max_length)

    return datasets_from_directory(
        directory, read_file, "text", _FORMATS, labels=labels, label_mode=label_mode,
        class_names=class_names, batch_size=batch_size, shuffle=shuffle, seed=seed,
        validation_split=validation_split, subset=subset, follow_links=follow_links,
        verbose=verbose, stack=lambda texts: np.array(texts, dtype=object), plural="text files",
    )  # fmt: skip
