"""Files that objects keep beside their weights, such as vocabularies: `assets/<path>/…`."""

from __future__ import annotations

import os
import tempfile

from ranvier.errors import FileFormatError
from ranvier.saving.archive import Members, names_below
from ranvier.saving.paths import walk

FOLDER = "assets/"
_MAX_BYTES = 1 << 30


def members_of(model) -> list:
    """`(name, bytes)` of all files that `save_assets` of the model's objects write."""
    found = []
    for path, obj in walk(model):
        if not hasattr(obj, "save_assets"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            obj.save_assets(folder)
            for name in sorted(names_below(folder)):
                with open(os.path.join(folder, name), "rb") as file:
                    found.append((FOLDER + (f"{path}/" if path else "") + name, file.read()))
    return found


def read_all(members: Members) -> dict:
    """The assets of an archive, bytes by name.

    Raises:
        FileFormatError: a name that leads out of its folder, or a file that is too large.
    """
    files = {}
    for name in members.below(FOLDER):
        check_name(name, members.path)
        files[name] = members.read(name, _MAX_BYTES)
    return files


def check_name(name, path) -> None:
    """Refuses a name that leads out of its folder."""
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\\" in part or ":" in part for part in parts):
        raise FileFormatError(f"{path}: {name!r} is not a name that an asset may have.")


def load(model, files: dict) -> None:
    """Gives every object its files through `load_assets`."""
    if not files:
        return
    for path, obj in walk(model):
        if not hasattr(obj, "load_assets"):
            continue
        prefix = FOLDER + (f"{path}/" if path else "")
        own = {n.removeprefix(prefix): data for n, data in files.items() if n.startswith(prefix)}
        if not own:
            continue
        with tempfile.TemporaryDirectory() as folder:
            for name, data in own.items():
                place = os.path.join(folder, *name.split("/"))
                os.makedirs(os.path.dirname(place), exist_ok=True)
                with open(place, "wb") as file:
                    file.write(data)
            obj.load_assets(folder)
