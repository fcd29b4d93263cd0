"""The state of a model as nested dicts by path, for checkpoints of one's own."""

from __future__ import annotations

KINDS = ("trainable_variables", "non_trainable_variables", "optimizer_variables",
         "metrics_variables")  # fmt: skip
_FORMATS = {"backend_tensor": lambda v: v.value, "numpy_array": lambda v: v.numpy()}


def variables_of(model, kind) -> list:
    """The model's variables of one of the `KINDS`."""
    return model._optimizer_variables if kind == "optimizer_variables" else getattr(model, kind)


def get_state_tree(model, value_format="backend_tensor") -> dict:
    """The values of a model's variables, of its optimizer's and of its metrics'; see
    `Model.get_state_tree`."""
    if value_format not in _FORMATS:
        raise ValueError(
            f"Invalid `value_format` argument. Expected one of {sorted(_FORMATS)}. "
            f"Received: value_format={value_format}"
        )
    value_of = _FORMATS[value_format]
    return {
        kind: nested((path, value_of(v)) for path, v in _by_path(variables_of(model, kind)))
        for kind in KINDS
    }


def _by_path(variables):
    seen = set()
    for variable in variables:
        if variable.path in seen:
            raise ValueError(
                "The following variable path is found twice in the model: "
                f"'{variable.path}'. `get_state_tree()` needs paths that are unique. Hint: name "
                "the layers."
            )
        seen.add(variable.path)
        yield variable.path, variable


def nested(items) -> dict:
    """`(path, value)` pairs as nested dicts; `flat` is the way back."""
    root: dict = {}
    for path, value in items:
        *folders, name = path.split("/")
        place = root
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return root


def set_state_tree(model, state_tree) -> None:
    """Sets the variables whose paths are in nested dicts as `get_state_tree` makes them.

    Raises:
        ValueError: a kind of variables that there is not, or a value of another shape.
    """
    for kind, values in state_tree.items():
        if kind not in KINDS:
            raise ValueError(f"Unknown kind of variables: {kind}. Expected one of {list(KINDS)}.")
        by_path = dict(flat(values, ""))
        for variable in variables_of(model, kind):
            if variable.path in by_path:
                variable.assign(by_path[variable.path])


def flat(values, prefix):
    """`(path, value)` of all values in nested dicts."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", value
