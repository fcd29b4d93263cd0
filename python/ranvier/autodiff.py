"""Gradients of Python functions and of recorded computations."""

from __future__ import annotations

import functools

from ranvier import _backend as B
from ranvier import tree
from ranvier.variable import Variable


def _as_tensor(x):
    if isinstance(x, B.Tensor):
        return x
    return x.value if isinstance(x, Variable) else B.tensor(x)


def _zeros_like(x):
    zero = B.full((), 0.0, x.dtype)
    return B.apply("broadcast_to", [zero], {"shape": list(x.shape)}) if x.ndim else zero


def _check_scalar(value, name):
    if not isinstance(value, B.Tensor) or value.ndim != 0:
        what = f"shape {tuple(value.shape)}" if isinstance(value, B.Tensor) else repr(value)
        raise B.ShapeError(
            f"{name}: the function must return one scalar tensor. Expected shape (). "
            f"Received: {what}. "
            "Hint: reduce it with ops.mean or ops.sum, or pass has_aux=True to return more."
        )


def value_and_grad(fn, argnums=0, has_aux: bool = False):
    """A function that returns `fn`'s value and its gradient.

    Args:
        fn: function of tensors (or nested structures of them) that returns a scalar tensor.
        argnums: position, or positions, of the arguments to differentiate with respect to.
        has_aux: whether `fn` returns `(value, aux)`; then the result is `((value, aux), grads)`.

    Returns:
        A function with the arguments of `fn` that returns `(value, grads)`; `grads` has the
        structure of the chosen argument, or is a tuple of them.

    Raises:
        ShapeError: `fn` does not return a scalar.
        DTypeError: an argument to differentiate is not floating-point.

    Example:
        >>> f = ranvier.value_and_grad(lambda w: ops.sum(w * w))
        >>> value, gradient = f(ops.array([1.0, 2.0]))
    """
    positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        args = list(args)
        for i in positions:
            args[i] = tree.map_structure(_as_tensor, args[i])
        sources = [leaf for i in positions for leaf in tree.flatten(args[i])]
        for leaf in sources:
            if not leaf.dtype.startswith(("float", "bfloat")):
                raise B.DTypeError(
                    "grad: only floating-point arguments can be differentiated. "
                    f"Received: {leaf.dtype}."
                )
        tape = B.Tape()
        tape.start()
        try:
            for leaf in sources:
                tape.watch(leaf)
            result = fn(*args, **kwargs)
        finally:
            tape.stop()
        value = result[0] if has_aux else result
        _check_scalar(value, "grad")
        flat = iter(tape.gradient([value], None, sources))
        grads = []
        for i in positions:
            grads.append(tree.map_structure(lambda leaf: _or_zeros(next(flat), leaf), args[i]))
        return result, grads[0] if isinstance(argnums, int) else tuple(grads)

    return wrapper


def _or_zeros(gradient, leaf):
    return _zeros_like(leaf) if gradient is None else gradient


def grad(fn, argnums=0, has_aux: bool = False):
    """A function that returns the gradient of `fn`; see `value_and_grad`.

    With `has_aux` the result is `(grads, aux)`.

    Args:
        argnums: the argument, or arguments, to differentiate by.

    Example:
        >>> keras.grad(lambda x: x**3)(2.0).tolist()
        12.0
    """
    function = value_and_grad(fn, argnums, has_aux)

    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        result, grads = function(*args, **kwargs)
        return (grads, result[1]) if has_aux else grads

    return wrapper


class GradientTape:
    """Records what runs inside its `with` block, to differentiate it afterwards.

    Args:
        persistent: whether `gradient` may be called more than once.
        watch_accessed_variables: whether trainable variables that are read are watched.

    Example:
        >>> x = keras.Variable([2.0, 3.0])
        >>> with keras.GradientTape() as tape:
        ...     loss = ops.sum(x * x)
        >>> tape.gradient(loss, [x])[0].tolist()
        [4.0, 6.0]
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        self._persistent = persistent
        self._watch_variables = watch_accessed_variables
        self._watched_variables: list[Variable] = []
        self._tape: B.Tape | None = None
        self._used = False

    def __enter__(self):
        if self._tape is not None:
            raise RuntimeError("GradientTape: the tape has already recorded. Hint: make a new one.")
        self._tape = B.Tape()
        self._tape.start()
        return self

    def __exit__(self, *exc):
        self._tape.stop()

    def watch(self, tensor) -> None:
        """Watches tensors, nested as you like; variables are watched when they are read."""
        for leaf in tree.flatten(tensor):
            if isinstance(leaf, Variable):
                self._watched_variables.append(leaf)
            elif isinstance(leaf, B.Tensor):
                if self._tape is None:
                    raise RuntimeError(
                        "GradientTape.watch: nothing records. Hint: use `with tape:`."
                    )
                self._tape.watch(leaf)
            else:
                raise TypeError(
                    f"GradientTape.watch: expected tensors. Received: {type(leaf).__name__}."
                )

    def gradient(self, target, sources, output_gradients=None, unconnected_gradients: str = "none"):
        """Gradient of (the sum of) `target` with respect to `sources`.

        Args:
            target: tensor or nested structure of tensors.
            sources: variables or watched tensors, nested as you like.
            output_gradients: weights of the targets, of their shapes; ones when not given.
            unconnected_gradients: "none" or "zero": what a source gets on which no target depends.

        Returns:
            The gradients, in the structure of `sources`.

        Raises:
            RuntimeError: a second call on a tape that is not persistent.
        """
        if self._tape is None:
            raise RuntimeError(
                "GradientTape.gradient: nothing was recorded. Hint: use `with tape:` first."
            )
        if self._used and not self._persistent:
            raise RuntimeError(
                "GradientTape.gradient: a tape that is not persistent gives gradients only once. "
                "Hint: GradientTape(persistent=True)."
            )
        if unconnected_gradients not in ("none", "zero"):
            raise ValueError(
                'GradientTape.gradient: `unconnected_gradients` must be "none" or "zero". '
                f"Received: {unconnected_gradients!r}."
            )
        self._used = True
        targets = tree.flatten(target)
        weights = (
            None
            if output_gradients is None
            else [_as_tensor(g) for g in tree.flatten(output_gradients)]
        )
        flat = tree.flatten(sources)
        grads = self._flat_gradients(targets, weights, flat)
        if not self._persistent:
            self._tape = B.Tape()
        if unconnected_gradients == "zero":
            grads = [_or_zeros(g, _as_tensor(s)) for g, s in zip(grads, flat, strict=True)]
        return tree.pack_sequence_as(sources, grads)

    def _flat_gradients(self, targets, weights, flat):
        variables = [s for s in flat if isinstance(s, Variable) and self._watches(s)]
        tensors = [s for s in flat if not isinstance(s, Variable)]
        by_id = {}
        if variables:
            handles = [v.handle for v in variables]
            found = self._tape.gradient_of_variables(targets, weights, handles)
            by_id.update((id(v), g) for v, g in zip(variables, found, strict=True))
        if tensors:
            found = self._tape.gradient(targets, weights, tensors)
            by_id.update((id(t), g) for t, g in zip(tensors, found, strict=True))
        return [by_id.get(id(s)) for s in flat]

    def _watches(self, variable):
        return self._watch_variables or any(variable is v for v in self._watched_variables)
