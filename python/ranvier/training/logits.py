"""A warning where a cross-entropy and the activation before it disagree on what outputs are."""

from __future__ import annotations

import warnings

from ranvier import activations
from ranvier.layers import Activation, Dense, Softmax

_SQUASHING = {
    "sparse_categorical_crossentropy": ("softmax",),
    "categorical_crossentropy": ("softmax",),
    "binary_crossentropy": ("sigmoid",),
}


def _last_activation(tensor) -> str | None:
    """Name of the activation that made a model's output; `None` where it cannot be told."""
    history = getattr(tensor, "_keras_history", None)
    layer = getattr(history, "operation", None)
    if isinstance(layer, Softmax):
        return "softmax"
    if isinstance(layer, (Activation, Dense)):
        return getattr(layer.activation or activations.linear, "__name__", None)
    return None


def warn_where_logits_disagree(model, compile_loss) -> None:
    """Compares each output's last layer with `from_logits` of its loss.

    Only outputs of functional and sequential models that come straight out of an activation, a
    `Softmax` or a `Dense` are judged; others may be anything.
    """
    outputs = getattr(model, "outputs", None) or []
    structure = getattr(model, "_outputs_struct", None)
    parts = compile_loss.parts
    if len(parts) != len(outputs):
        return
    for tensor, part in zip(outputs, parts):
        if isinstance(structure, dict):  # Their losses come in the order of the keys.
            tensor = structure.get(part.path[0]) if len(part.path) == 1 else None
        squashing = _SQUASHING.get(getattr(getattr(part.loss, "fn", None), "__name__", ""))
        activation = _last_activation(tensor)
        if squashing is None or activation is None:
            continue
        from_logits = bool(part.loss.get_config().get("from_logits", False))
        if from_logits and activation in squashing:
            problem = f"expects logits (from_logits=True), but the output is that of {activation}"
            hint = "drop from_logits=True, or the activation"
        elif not from_logits and activation == "linear":
            problem = "expects probabilities (from_logits=False), but the output has no activation"
            hint = f"pass from_logits=True to the loss, or end the model in {squashing[0]}"
        else:
            continue
        warnings.warn(
            f"Model '{model.name}': the loss '{part.name}' {problem}. Hint: {hint}.", stacklevel=2
        )
