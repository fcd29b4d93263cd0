"""Weights and optimizer state, to and from `.weights.h5` files and their shards.

A load is a transaction: values are first collected in scopes of their own, and reach the variables
only when all of them fit.
"""

from __future__ import annotations

import json
import os
import warnings

from ranvier.errors import FileFormatError
from ranvier.optimizers.base import Optimizer
from ranvier.saving import assets, hdf5, orbax
from ranvier.saving.archive import Members, reading, write_atomically
from ranvier.saving.paths import other_paths, walk
from ranvier.variable import StatelessScope

WEIGHTS_MEMBER = "model.weights.h5"
_SHARD_INDEX_BYTES = 1 << 26
_SHOWN = 12


def entries_of(model, skipped=()) -> list:
    """`(path, name, values)` of every object but those skipped, in the walk's order."""
    entries = []
    left_out = {id(obj) for obj in skipped}
    for path, obj in walk(model):
        if id(obj) in left_out:
            continue
        values = hdf5.WriteEntry()
        obj.save_own_variables(values)
        name = getattr(obj, "name", None)
        entries.append((path, name if isinstance(name, str) else None, values))
    return entries


def save_weights(model, filepath, overwrite=True, max_shard_size=None, **kwargs):
    """Writes the weights, and the optimizer's state of a compiled model.

    Args:
        model: a built model.
        filepath: ends in `.weights.h5`, or in `.weights.json` with shards.
        overwrite: whether an existing file may be replaced.
        max_shard_size: GB per file, for models that should lie in several files.
        objects_to_skip: layers whose weights are not written.

    Raises:
        ValueError: the name's ending, or a model without weights yet.
        SaveError: the file could not be written; an old one is unchanged.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> keras.saving.save_weights(model, "model.weights.h5")
        >>> keras.saving.load_weights(model, "model.weights.h5")
    """
    skipped = kwargs.pop("objects_to_skip", None) or ()
    if kwargs:
        raise ValueError(f"save_weights: unknown arguments {sorted(kwargs)}")
    path = os.fspath(filepath)
    if max_shard_size is None and not path.endswith(".weights.h5"):
        raise ValueError(f"The filename must end in `.weights.h5`. Received: filepath={path}")
    if max_shard_size is not None and not path.endswith((".weights.h5", ".weights.json")):
        raise ValueError(
            "The filename must end in `.weights.json` when `max_shard_size` is specified. "
            f"Received: filepath={path}"
        )
    check_overwrite(path, overwrite)
    if not model.built:
        raise ValueError(
            "You are saving a model that has not yet been built, and so has no weights. Try "
            "building the model first by calling it on some data or by using `build()`. Model: "
            f"'{model.name}'."
        )
    entries = entries_of(model, skipped)
    if max_shard_size is not None:
        _write_shards(entries, path, max_shard_size)
        return
    data = hdf5.write(entries)
    write_atomically(path, lambda file: file.write(data))


def check_overwrite(path, overwrite):
    """Refuses to replace a file with `overwrite=False`."""
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path} exists already, and `overwrite=False` was given.")


def _write_shards(entries, path, max_shard_size):
    stem = path.removesuffix(".weights.json").removesuffix(".weights.h5")
    limit = float(max_shard_size) * 1024**3
    shards: list[list] = []
    size = limit
    weight_map: dict[str, list[str]] = {}
    total = 0
    for entry in entries:
        bytes_here = sum(a.nbytes for a in entry[2].values())
        total += bytes_here
        if not shards or (
            bytes_here and size + bytes_here > limit and any(e[2] for e in shards[-1])
        ):
            shards.append([])
            size = 0
        shards[-1].append(entry)
        size += bytes_here
        name = f"{os.path.basename(stem)}_{len(shards) - 1:05d}.weights.h5"
        weight_map[f"/{entry[0]}/vars" if entry[0] else "/vars"] = [name]
    folder = os.path.dirname(path)
    for i, shard in enumerate(shards):
        data = hdf5.write(shard)
        name = f"{os.path.basename(stem)}_{i:05d}.weights.h5"
        write_atomically(os.path.join(folder, name), lambda file, data=data: file.write(data))
    # The index comes last: it names only shards that are there.
    index = {"metadata": {"total_size": float(total)}, "weight_map": weight_map}
    write_atomically(
        f"{stem}.weights.json", lambda file: file.write(json.dumps(index, indent=4).encode())
    )


class _Shards:
    """The parts of a sharded file behind the face of one `Reader`."""

    def __init__(self, path):
        with reading(path):
            if os.path.getsize(path) > _SHARD_INDEX_BYTES:
                raise FileFormatError(
                    f"{path}: the index is larger than {_SHARD_INDEX_BYTES} bytes."
                )
            with open(path, encoding="utf-8") as file:
                weight_map = json.load(file)["weight_map"]
            self._names = {k.removesuffix("/vars").strip("/"): v[0] for k, v in weight_map.items()}
            folder = os.path.dirname(os.fspath(path))
            for name in set(self._names.values()):
                if not isinstance(name, str) or os.path.basename(name) != name:
                    raise FileFormatError(f"{path}: {name!r} is not the name of a file beside it.")
            self._readers = {
                name: hdf5.Reader(os.path.join(folder, name), name)
                for name in sorted(set(self._names.values()))
            }

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for reader in self._readers.values():
            reader.__exit__()

    def entry(self, path):
        name = self._names.get(path)
        return hdf5.Entry(None, None, path) if name is None else self._readers[name].entry(path)

    @property
    def used(self):
        return set().union(*(r.used for r in self._readers.values()))

    def datasets(self):
        return [d for r in self._readers.values() for d in r.datasets()]


def load_weights(model, filepath, skip_mismatch=False, **kwargs):
    """Reads weights into a built model, and the optimizer's state into a compiled one.

    A `.keras` file gives vocabularies, too.

    Args:
        model: has the architecture that was saved.
        filepath: `.weights.h5`, `.weights.json` (shards), `.keras`, a legacy `.h5`, or a folder of
            Orbax checkpoints.
        skip_mismatch: whether layers that do not fit are left as they are, with a warning.
        objects_to_skip: layers to leave as they are.
        by_name: legacy files only: pair layers by name, skip those without a partner.

    Raises:
        FileFormatError: the file is damaged.
        ValueError: the file does not fit the model. The model is unchanged then.

    Example:
        >>> dense = layers.Dense(1, kernel_initializer="ones")
        >>> model = keras.Sequential([keras.Input((2,)), dense])
        >>> model.save_weights("ones.weights.h5")
        >>> other = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> other.load_weights("ones.weights.h5")
        >>> other.weights[0].numpy().tolist()
        [[1.0], [1.0]]
    """
    by_name = kwargs.pop("by_name", None)
    skipped = kwargs.pop("objects_to_skip", None)
    if kwargs:
        raise ValueError(f"Invalid keyword arguments: {kwargs}")
    path = os.fspath(filepath)
    legacy = path.endswith((".h5", ".hdf5")) and not path.endswith(".weights.h5")
    if skipped is not None and not path.endswith((".weights.h5", ".weights.json")):
        raise ValueError(
            f"`objects_to_skip` only supports loading '.weights.h5' files. Received: {path}"
        )
    if by_name is not None and not legacy:
        raise ValueError(
            f"`by_name` only supports loading legacy '.h5' or '.hdf5' files. Received: {path}"
        )
    if not path.endswith((".h5", ".keras")) and orbax.is_checkpoint(path):
        orbax.load_weights(model, path)
        return
    if not legacy and not path.endswith((".keras", ".weights.h5", ".weights.json")):
        raise ValueError(
            f"File format not supported: filepath={path}. Keras 3 only supports V3 `.keras` files, "
            "`.weights.h5` files (or the `.weights.json` of shards) and legacy H5 format files "
            "(`.h5` extension)."
        )
    if not model.built:
        raise ValueError(
            "You are loading weights into a model that has not yet been built. Try building the "
            f"model first by calling it on some data or by using `build()`. Model: '{model.name}'."
        )
    if not os.path.exists(path):
        raise FileNotFoundError(f"File not found: {path}")
    if legacy:
        from ranvier.saving import legacy as legacy_files

        legacy_files.load_weights(model, path, skip_mismatch, bool(by_name))
        return
    files = {}
    if path.endswith(".keras"):
        with reading(path), Members(path) as members:
            files = assets.read_all(members)
    with _open(path) as reader:
        load_state(model, reader, path, skip_mismatch, skipped)
    with reading(path):
        assets.load(model, files)


def _open(path):
    if path.endswith(".weights.json"):
        return _Shards(path)
    if path.endswith(".keras"):
        with reading(path), Members(path) as members:
            return hdf5.Reader(members.read(WEIGHTS_MEMBER), path)
    return hdf5.Reader(path, path)


def load_state(model, reader, file_name, skip_mismatch=False, skipped=None) -> None:
    """Moves a file's values into the model, all of them or none.

    Raises:
        ValueError: variables that do not fit, or are not in the file; lists the unused ones too.
    """
    skipped_ids = {id(o) for o in skipped or ()}
    written, problems = [], []
    covered: set[int] = set()
    aliases: dict[str, list[str]] = {}
    for path, obj in walk(model, aliases):
        if id(obj) in skipped_ids:
            continue
        try:
            with reading(file_name):
                pairs = _collect_at(obj, reader, [path, *other_paths(path, aliases)])
        except (ValueError, TypeError) as error:
            problems.append((path, obj, error))
            continue
        written.extend(pairs)
        covered.update(id(handle) for handle, _ in pairs)
        if not _stores_all(obj):
            covered.update(id(v.handle) for v in _own(obj))
    if problems and not skip_mismatch:
        damaged = next((e for _, _, e in problems if isinstance(e, FileFormatError)), None)
        raise _mismatch(file_name, problems, _unused(reader, file_name)) from (
            damaged or problems[0][2]
        )
    if problems:
        skipped = [
            f"  Skipped '{getattr(obj, 'name', path)}' ({path}) of {file_name}: {reason}"
            for path, obj, reason in problems
        ]
        warnings.warn(
            "\n".join([f"A total of {len(problems)} objects could not be loaded.", *skipped]),
            stacklevel=3,
        )
    missing = [v.path for v in model.weights if id(v.handle) not in covered]
    unused = _unused(reader, file_name)
    if missing and not problems and not skipped_ids:
        raise ValueError(
            f"{file_name} does not fit the model '{model.name}': no values for {_list(missing)}."
            + (f" Unused in the file: {_list(unused)}." if unused else "")
        )
    for handle, value in written:
        handle.assign(value)
    if unused and not problems and not skipped_ids:
        warnings.warn(f"{file_name}: the model has no place for {_list(unused)}.", stacklevel=3)


def _own(obj):
    return [
        *getattr(obj, "_trainable_variables", ()),
        *getattr(obj, "_non_trainable_variables", ()),
    ]


def _stores_all(obj) -> bool:
    """Whether the object stores all its variables, as every layer of the package does."""
    return type(obj).load_own_variables.__module__.startswith(__name__.partition(".")[0] + ".")


def _collect_at(obj, reader, paths) -> list:
    """`_collect` at the first path whose values fit; the error is that of the first path."""
    try:
        return _collect(obj, reader.entry(paths[0]))
    except (ValueError, TypeError):
        for path in paths[1:]:
            try:
                return _collect(obj, reader.entry(path))
            except (ValueError, TypeError):
                continue
        raise


def _collect(obj, entry) -> list:
    """`(handle, value)` of what the object would assign; the object itself is unchanged."""
    if isinstance(obj, Optimizer):
        return _collect_optimizer(obj, entry)
    with StatelessScope() as scope:
        obj.load_own_variables(entry)
    return scope._env.written()


def _collect_optimizer(optimizer, entry):
    count = len(entry)
    if not count:
        return []
    own = optimizer.variables
    # An optimizer that was never used is stored without slots: nothing but its first scalars.
    scalars = [v for v in own[:2] if v.shape == ()]
    with StatelessScope() as scope:
        if count < len(own) and count <= len(scalars):
            for i, variable in enumerate(scalars[:count]):
                variable.assign(entry[str(i)])
        else:
            optimizer.load_own_variables(entry)
    return scope._env.written()


def _unused(reader, file_name) -> list:
    with reading(file_name):
        rest = sorted(set(reader.datasets()) - reader.used)
    return [name for name in rest if not name.startswith("optimizer/")]


def _mismatch(file_name, problems, unused):
    lines = [f"  {path or '(model)'} ({getattr(obj, 'name', type(obj).__name__)}): {error}"
             for path, obj, error in problems[:_SHOWN]]  # fmt: skip
    if len(problems) > _SHOWN:
        lines.append(f"  … and {len(problems) - _SHOWN} more")
    text = (
        f"A total of {len(problems)} objects could not be loaded. {file_name} does not fit the "
        "model; nothing was changed. Layers that could not be read:\n"
    )
    text += "\n".join(lines)
    if unused:
        text += f"\nUnused in the file: {_list(unused)}"
    kind = (
        FileFormatError
        if any(isinstance(e, FileFormatError) for _, _, e in problems)
        else ValueError
    )
    return kind(text)


def _list(names) -> str:
    shown = ", ".join(f"'{n}'" for n in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
