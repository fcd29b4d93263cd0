"""Checkpoints of Orbax: a folder for each step, with the parts that Keras writes.

"pytree" holds values nested by the paths of variables, "model_config" the config's text, and
"assets" files as nested arrays of bytes.
"""

from __future__ import annotations

import os

import numpy as np

from ranvier import tree
from ranvier.saving import assets
from ranvier.saving.archive import reading
from ranvier.saving.state_tree import KINDS, flat, nested, variables_of

_WEIGHTS = ("trainable_variables", "non_trainable_variables")
_MARKS = {"orbax.checkpoint", "pytree.orbax-checkpoint", "checkpoint_metadata",
          "_CHECKPOINT_METADATA"}  # fmt: skip


def import_orbax():
    """Orbax' interface of version 1, or an error that says how to get it."""
    try:
        from orbax.checkpoint import v1
    except ImportError:
        raise ImportError(
            "OrbaxCheckpoint and its folders need the library Orbax: `pip install "
            "orbax-checkpoint`. Hint: ModelCheckpoint writes `.keras` files without it."
        ) from None
    return v1


def checkpointer(folder, max_to_keep=None):
    """Orbax' writer and reader of all steps in a folder."""
    training = import_orbax().training
    policies = training.preservation_policies
    return training.Checkpointer(
        directory=os.path.abspath(folder),
        preservation_policy=None if max_to_keep is None else policies.LatestN(max_to_keep),
        save_decision_policy=training.save_decision_policies.FixedIntervalPolicy(1),
    )


def parts_of(model, weights_only=False) -> dict:
    """What a checkpoint of the model holds."""
    state = model.get_state_tree(value_format="numpy_array")
    if weights_only:
        return {"pytree": _plain({kind: state[kind] for kind in _WEIGHTS})}
    from ranvier.saving.model_file import config_text

    parts = {"pytree": _plain(state), "model_config": {"config": config_text(model)}}
    files = [
        (name.removeprefix(assets.FOLDER), np.frombuffer(data, "uint8"))
        for name, data in assets.members_of(model)
    ]
    return {**parts, "assets": nested(files)} if files else parts


def _plain(state):
    """Values of one element as Python numbers, which Orbax wants."""
    return tree.map_structure(lambda x: x.item() if x.ndim == 0 else x, state)


def is_checkpoint(path) -> bool:
    """Whether a folder holds checkpoints, or is one."""
    if not os.path.isdir(path):
        return False
    names = os.listdir(path)
    return not _MARKS.isdisjoint(names) or bool(_steps(path, names))


def _steps(path, names) -> list:
    return [int(n) for n in names if n.isdigit() and os.path.isdir(os.path.join(path, n))]


def _read(path, wanted) -> dict:
    """Some parts of the newest checkpoint in a folder, or of the one that the folder is."""
    v1 = import_orbax()
    steps = _steps(path, os.listdir(path))
    folder = os.path.join(os.path.abspath(path), str(max(steps)) if steps else "")
    there = [part for part in wanted if os.path.isdir(os.path.join(folder, part))]
    with reading(path):
        return v1.load_checkpointables(folder, dict.fromkeys(there))


def _own(path, name) -> str:
    """A variable's path without the model's name, which paths in a loaded model lack."""
    first, _, rest = path.partition("/")
    return rest if first == name else f"{first}/{rest.removeprefix(f'{name}_')}"


def _assign(model, state, path):
    """Gives variables the values of a checkpoint: all weights, and what else is there.

    Raises:
        ValueError: a weight is not there, or has another shape. The model is unchanged then.
    """
    pairs = []
    weights = {id(w) for w in model.weights}  # no seeds: their names are numbers
    for kind in KINDS:
        saved = {_own(name, model.name): value for name, value in flat(state.get(kind, {}), "")}
        for variable in variables_of(model, kind):
            value = saved.get(_own(variable.path, model.name))
            if value is not None and np.shape(value) == tuple(variable.shape):
                pairs.append((variable, np.asarray(value)))
            elif id(variable) in weights:
                found = "nothing" if value is None else f"a value of shape {np.shape(value)}"
                raise ValueError(
                    f"{path}: the checkpoint does not fit the model '{model.name}'. Expected a "
                    f"value of shape {tuple(variable.shape)} for {variable.path}. Received: "
                    f"{found}. Hint: layers are found by their names, so name them."
                )
    for variable, value in pairs:
        variable.assign(value)


def load_weights(model, path) -> None:
    """Gives a model's variables, and those of its optimizer, the values of a checkpoint."""
    with reading(path):
        _assign(model, _read(path, ["pytree"]).get("pytree", {}), path)


def load_model(path, custom_objects=None, compile=True, safe_mode=True):
    """The model of a checkpoint; see `load_model` of model_file."""
    from ranvier.saving.model_file import model_of_config, size_limit

    parts = _read(path, ["pytree", "model_config", "assets"])
    if "model_config" not in parts or "pytree" not in parts:
        raise ValueError(
            f"{path}: the checkpoint does not contain model configuration. Hint: one that was "
            "saved with save_weights_only=True is read by `model.load_weights`."
        )
    with reading(path):
        state, config = parts["pytree"], parts["model_config"]["config"]
        limit = size_limit(max((np.size(x) for x in tree.flatten(state)), default=0))
        files = {
            name: np.asarray(data).tobytes()
            for name, data in flat(parts.get("assets") or {}, assets.FOLDER)
        }
    for name in files:
        assets.check_name(name, path)
    model = model_of_config(config, path, limit, custom_objects, compile, safe_mode)
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)
    with reading(path):
        _assign(model, state, path)
        assets.load(model, files)
    return model
