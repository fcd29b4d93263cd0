"""Looks into saved files and changes the weights in them without building a model."""

from __future__ import annotations

import os
import pprint

from ranvier.saving import hdf5
from ranvier.saving.archive import MAX_CONFIG_BYTES, Members, reading, write_atomically
from ranvier.saving.model_file import read_json
from ranvier.saving.paths import walk
from ranvier.saving.weights_file import WEIGHTS_MEMBER


class KerasFileEditor:
    """The content of a `.keras` or `.weights.h5` file as nested dicts of arrays.

    Objects are named by a leaf (`"dense"`) where that is unique, else by their path
    (`"layers/dense"`).

    Args:
        filepath: the file to look into; it is never changed.

    Attributes:
        weights_dict: objects by name, down to weights by key (`"0"`, `"1"`, …) as NumPy arrays.
        object_metadata: attributes of objects by path.
        config, metadata: of a `.keras` file, else `None`.

    Raises:
        ValueError: another ending, or a damaged file.

    Example:
        >>> editor = KerasFileEditor("model.weights.h5")     # doctest: +SKIP
        >>> editor.rename_object("dense_1", "dense")         # doctest: +SKIP
        >>> editor.save("renamed.weights.h5")                # doctest: +SKIP
    """

    def __init__(self, filepath):
        self.filepath = os.fspath(filepath)
        self.metadata = self.config = None
        # What Keras' editor has besides.
        self.model = None
        with self._open() as reader, reading(self.filepath):
            self.object_metadata: dict = {}
            self.weights_dict = _group(reader, reader.file, "", self.object_metadata)
        print(f"Keras model file '{self.filepath}'")
        if self.metadata is not None:
            print(
                f"Saved with Keras {self.metadata.get('keras_version')} - date: "
                f"{self.metadata.get('date_saved')}"
            )

    def _open(self):
        if self.filepath.endswith(".weights.h5"):
            return hdf5.Reader(self.filepath, self.filepath)
        if not self.filepath.endswith(".keras"):
            raise ValueError(
                "Invalid filename: expected a `.keras` `.weights.h5` extension. "
                f"Received: filepath={self.filepath}"
            )
        with reading(self.filepath), Members(self.filepath) as members:
            self.config = read_json(members.read("config.json", MAX_CONFIG_BYTES), self.filepath)
            self.metadata = read_json(
                members.read("metadata.json", MAX_CONFIG_BYTES), self.filepath
            )
            return hdf5.Reader(members.read(WEIGHTS_MEMBER), self.filepath)

    def summary(self):
        """Prints the objects with the shapes of their weights."""
        print("Weights structure")
        for line in _lines(self.weights_dict, "  ", "", self.object_metadata):
            print(line)

    def compare(self, reference_model):
        """Prints where the file and a model differ in objects, weights or shapes.

        Args:
            reference_model: a built model.

        Returns:
            `{"status": "success" or "error", "error_count": int, "match_count": int}`.
        """
        print("Running comparison")
        spec = _spec_of(reference_model)
        checked: set[str] = set()
        errors, matches = _compare(
            self.weights_dict, spec, "", ("saved file", "reference model"), (0, 0), checked
        )
        more, _ = _compare(
            spec, self.weights_dict, "", ("reference model", "saved file"), (0, 0), checked
        )
        errors += more
        print("─────────────────────")
        if errors:
            print(f"Found {errors} error(s): saved file is not compatible with the reference model")
        else:
            print("Comparison successful: saved file is compatible with the reference model")
            print(f"    Found {matches} matching weight(s)")
        status = "error" if errors else "success"
        return {"status": status, "error_count": errors, "match_count": matches}

    def rename_object(self, object_name, new_name):
        """Gives an object another name in its place.

        Args:
            object_name: unique leaf name, or path.
            new_name: leaf name.
        """
        if "/" in new_name:
            raise ValueError(
                "Argument `target_name` should be a leaf name, not a full path name. Received: "
                f"target_name='{new_name}'"
            )
        place, name = self._place_of(object_name)
        place[new_name] = place.pop(name)

    def delete_object(self, object_name):
        """Removes an object with all that is below it."""
        place, name = self._place_of(object_name)
        del place[name]

    def add_object(self, object_path, weights):
        """Puts an object at a path whose parent exists.

        Args:
            object_path: for example `"layers/dense_2"`.
            weights: dict of arrays by key (`"0"`, `"1"`, …).
        """
        _check_weights(weights)
        *parents, name = object_path.split("/")
        place = self.weights_dict
        for part in parents:
            if not isinstance(place.get(part), dict):
                raise ValueError(f"Path '{'/'.join(parents)}' not found in model.")
            place = place[part]
        place[name] = weights

    def delete_weight(self, object_name, weight_name):
        """Removes one weight of an object."""
        place, name = self._place_of(object_name)
        if weight_name not in place[name]:
            raise ValueError(
                f"Weight {weight_name} not found in object {object_name}. Weights found: "
                f"{list(place[name])}"
            )
        del place[name][weight_name]

    def add_weights(self, object_name, weights):
        """Adds weights to an object, or replaces those with the same keys.

        Args:
            object_name: unique leaf name, or path.
            weights: dict of arrays by key.
        """
        _check_weights(weights)
        place, name = self._place_of(object_name)
        place[name].update(weights)

    def save(self, filepath):
        """Writes the weights as they are now to a `.weights.h5` file."""
        path = os.fspath(filepath)
        if not path.endswith(".weights.h5"):
            raise ValueError(
                "Invalid `filepath` argument: expected a `.weights.h5` extension. Received: "
                f"filepath={path}"
            )
        data = hdf5.write(list(self._entries(self.weights_dict, "")))
        write_atomically(path, lambda file: file.write(data))

    def resave_weights(self, filepath):
        """The same as `save`."""
        self.save(filepath)

    def _entries(self, objects, path):
        values = hdf5.WriteEntry()
        for key, value in objects.items():
            if isinstance(value, dict):
                yield from self._entries(value, f"{path}/{key}" if path else key)
            else:
                values[key] = value
        if values:
            yield path, self.object_metadata.get(path, {}).get("name"), values

    def _place_of(self, object_name):
        """The dict that holds an object, and its name there."""
        *parents, name = object_name.split("/")
        if parents:
            place = self.weights_dict
            for part in parents:
                place = place.get(part, {})
                if not isinstance(place, dict):
                    place = {}
            if name not in place:
                raise ValueError(f"Path '{object_name}' not found in model.")
            return place, name
        found = list(_places(self.weights_dict, name))
        if len(found) > 1:
            raise ValueError(
                f"Name '{name}' occurs more than once in the model; try passing a complete path"
            )
        if not found:
            raise ValueError(
                f"Source name '{name}' does not appear in the model. Use `editor.summary()` to "
                "list all objects."
            )
        return found[0], name

    def __repr__(self):
        return f"<KerasFileEditor of '{self.filepath}': {pprint.pformat(list(self.weights_dict))}>"


def _check_weights(weights):
    if not isinstance(weights, dict):
        raise ValueError(
            "Argument `weights` should be a dict where keys are weight names (usually '0', '1', "
            f"etc.) and values are NumPy arrays. Received: type(weights)={type(weights)}"
        )


def _group(reader, group, path, metadata):
    """A group as a dict: what lies in `vars` belongs to the object itself."""
    if group.attrs:
        metadata[path] = dict(group.attrs)
    out = {}
    for key in group.keys():
        value = reader.child(group, key)
        if not hasattr(value, "keys"):
            out[key] = reader.array(group, key)
        elif key == "vars":
            if path not in metadata and value.attrs:
                metadata[path] = dict(value.attrs)
            out.update({name: reader.array(value, name) for name in value.keys()})
        else:
            below = _group(reader, value, f"{path}/{key}" if path else key, metadata)
            if below:
                out[key] = below
    return out


def _places(objects, name):
    if name in objects:
        yield objects
    for value in objects.values():
        if isinstance(value, dict):
            yield from _places(value, name)


def _spec_of(model):
    """A model's weights as nested dicts, as the file has them."""
    out: dict = {}
    for path, obj in walk(model):
        values = hdf5.WriteEntry()
        obj.save_own_variables(values)
        place = out
        for part in path.split("/") if path and values else ():
            place = place.setdefault(part, {})
        place.update(sorted(values.items()))
    return out


def _compare(target, reference, path, names, counts, checked):
    """Errors and matches below a path.

    Counted as Keras counts them: what was found before an object counts again with it.
    """
    errors, matches = counts
    target_name, reference_name = names
    for key, value in reference.items():
        below = f"{path}/{key}"
        if below in checked:
            continue
        is_object = isinstance(value, dict)
        if key in target and is_object and isinstance(target[key], dict):
            more = _compare(target[key], value, below, names, (errors, matches), checked)
            errors, matches = errors + more[0], matches + more[1]
            continue
        problem = None
        if key not in target or is_object or isinstance(target[key], dict):
            kind = f"Object (with {list(value)})" if is_object else "Weight"
            problem = f"{kind} {below} present in {reference_name}, missing from {target_name}"
        elif tuple(target[key].shape) != tuple(value.shape):
            problem = (
                f"Weight shape mismatch for {below}: shape={tuple(value.shape)} in "
                f"{reference_name}, shape={tuple(target[key].shape)} in {target_name}"
            )
        if problem is None:
            matches += 1
        else:
            errors += 1
            checked.add(below)
            print(f"...{problem}")
    return errors, matches


def _lines(objects, prefix, path, metadata):
    for i, (key, value) in enumerate(objects.items()):
        last = i == len(objects) - 1
        below = f"{path}/{key}" if path else key
        start = f"{prefix}{'└─ ' if last else '├─ '}{key}"
        if isinstance(value, dict):
            name = metadata.get(below, {}).get("name")
            yield start + (f" ('{name}')" if name else "")
            yield from _lines(value, prefix + ("    " if last else "│   "), below, metadata)
        else:
            yield f"{start}: shape={tuple(value.shape)}, dtype={value.dtype}"
