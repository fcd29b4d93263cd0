"""Files of a directory and their labels, as the loaders of images, texts and sounds list them."""

from __future__ import annotations

import collections
import os

import numpy as np

from ranvier.training.progress import print_message

LABEL_MODES = ("int", "categorical", "binary", None)


def check_labels(labels, label_mode, class_names, what: str):
    """Checks the three arguments that say what the labels are.

    Args:
        labels: "inferred", `None`, or a list of integers.
        label_mode: "int", "categorical", "binary" or `None`.
        class_names: names of subdirectories, with inferred labels only.
        what: what the files hold, for messages ("image").

    Returns:
        `labels` and `label_mode`, both `None` when there are no labels.

    Raises:
        ValueError: arguments that are not known or do not go together.
    """
    if labels not in ("inferred", None):
        if not isinstance(labels, (list, tuple)):
            raise ValueError(
                f"`labels` argument should be 'inferred', None, or a list/tuple of integer labels, "
                f"one per {what} file. Received: labels={labels}"
            )
        if class_names:
            raise ValueError(
                'You can only pass `class_names` if `labels="inferred"`. Received: '
                f"class_names={class_names} and a list of {len(labels)} labels"
            )
    if label_mode not in LABEL_MODES:
        raise ValueError(
            f"`label_mode` argument must be one of {LABEL_MODES}. Received: label_mode={label_mode}"
        )
    if labels is None or label_mode is None:
        return None, None
    return labels, label_mode


def check_split(validation_split, subset, shuffle, seed) -> None:
    """Checks the arguments that choose a part of the files.

    Raises:
        ValueError: a share outside of (0, 1), one of the two arguments without the other, an
            unknown subset, or a shuffled split without a seed (the parts would overlap).
    """
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(
            f"`validation_split` must be between 0 and 1, received: {validation_split}"
        )
    if bool(validation_split) != bool(subset):
        raise ValueError(
            "If `subset` is set, `validation_split` must be set, and inversely. Received: "
            f"validation_split={validation_split}, subset={subset!r}"
        )
    if subset not in ("training", "validation", "both", None):
        raise ValueError(
            f'`subset` must be either "training", "validation" or "both", received: {subset!r}'
        )
    if validation_split and shuffle and seed is None:
        raise ValueError(
            "For a shuffled `validation_split` you must provide a `seed`: without one the training "
            "and the validation part would be drawn from different orders and overlap."
        )


def index_directory(
    directory,
    labels,
    formats,
    class_names=None,
    shuffle=True,
    seed=None,
    follow_links=False,
    verbose=True,
):
    """The files below a directory with the given extensions, and their labels.

    Args:
        directory: with `labels="inferred"` one subdirectory per class; else any tree of files.
        labels: "inferred", `None`, or a list of integers in the order of the sorted paths.
        formats: extensions, lower case, with the dot.
        class_names: order (and choice) of the classes, with inferred labels.
        shuffle: whether the files come in a random order.
        seed: of that order; the same seed gives Keras' order.
        follow_links: whether links to directories are followed.
        verbose: whether the counts are printed, also of the files that are left out.

    Returns:
        `(paths, labels, class_names)`: labels are an int32 array, the list given, or `None`.

    Raises:
        FileNotFoundError: there is no such directory.
        ValueError: class names without a directory, or not one label per file.
    """
    directory = os.fspath(directory)
    if labels == "inferred":
        classes = _class_directories(directory, class_names)
    else:
        classes = [""]
        if class_names is not None:
            raise ValueError(
                "`class_names` can only be given with `labels='inferred'`. "
                f"Received: class_names={class_names}, labels={labels}"
            )
    paths: list[str] = []
    inferred: list[int] = []
    skipped: collections.Counter = collections.Counter()
    for number, name in enumerate(classes):
        found = _files(os.path.join(directory, name), tuple(formats), follow_links, skipped)
        paths.extend(found)
        inferred.extend([number] * len(found))
    if labels == "inferred":
        labels = np.asarray(inferred, dtype="int32")
        class_names = classes
    elif labels is not None:
        if len(labels) != len(paths):
            raise ValueError(
                "Expected the lengths of `labels` to match the number of files in the target "
                f"directory. Expected: {len(paths)} (found in {directory}). Received: {len(labels)}"
            )
        class_names = [str(label) for label in sorted(set(labels))]
    if verbose:
        _print_counts(len(paths), class_names, skipped)
    if shuffle:
        seed = draw_seed() if seed is None else seed
        order = np.arange(len(paths))
        np.random.RandomState(seed).shuffle(order)
        paths = [paths[i] for i in order]
        if labels is not None:
            labels = np.asarray(labels)[order]
    return paths, labels, class_names


def draw_seed() -> int:
    """A seed from NumPy's global generator, which `utils.set_random_seed` rules."""
    return int(np.random.randint(10**6))  # noqa: NPY002


def _class_directories(directory, class_names):
    found = sorted(
        entry.name for entry in os.scandir(directory) if entry.is_dir() and entry.name[0] != "."
    )
    if class_names is None:
        return found
    if not set(class_names) <= set(found):
        raise ValueError(
            "The `class_names` passed did not match the names of the subdirectories of the target "
            f"directory. Expected: {found} (or a part of them). Received: class_names={class_names}"
        )
    return list(class_names)


def _files(directory, formats, follow_links, skipped):
    """Sorted paths below one directory; counts what has another extension."""
    paths = []
    for root, _, names in sorted(os.walk(directory, followlinks=follow_links), key=lambda x: x[0]):
        for name in sorted(names):
            if name.lower().endswith(formats):
                paths.append(os.path.join(root, name))
            else:
                skipped[os.path.splitext(name)[1].lower() or name] += 1
    return paths


def _print_counts(count, class_names, skipped):
    text = f"Found {count} files"
    if class_names is not None:
        text += f" belonging to {len(class_names)} classes"
    print_message(f"{text}.")
    if skipped:
        kinds = ", ".join(f"{kind} ({n})" for kind, n in sorted(skipped.items()))
        print_message(f"Left out {sum(skipped.values())} files of other types: {kinds}.")


def split_part(samples, labels, validation_split, subset, verbose=True):
    """The training part (the first samples) or the validation part (the last ones)."""
    if not validation_split:
        return samples, labels
    held = int(validation_split * len(samples))
    if subset == "training":
        part, size, use = slice(0, len(samples) - held), len(samples) - held, "training"
    elif subset == "validation":
        part, size, use = slice(len(samples) - held, None), held, "validation"
    else:
        raise ValueError(
            f"`subset` must be either 'training' or 'validation'. Received: subset={subset!r}"
        )
    if verbose:
        print_message(f"Using {size} files for {use}.")
    return samples[part], None if labels is None else labels[part]


def encode_labels(labels, label_mode, num_classes: int):
    """Labels as a model takes them: int32 (n,), float32 (n, 1), float32 one-hot (n, classes)."""
    if label_mode is None:
        return None
    labels = np.asarray(labels)
    if label_mode == "binary":
        return labels.astype("float32")[:, None]
    if label_mode == "categorical":
        return (labels[:, None] == np.arange(num_classes)).astype("float32")
    return labels.astype("int32")
