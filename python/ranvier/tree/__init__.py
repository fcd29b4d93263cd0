"""Walks over nested tuples, lists and dicts. Dicts are visited in sorted key order."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque

_CONTAINERS = (list, tuple, dict, deque)


class MAP_TO_NONE:
    """`traverse` puts `None` where the function returns this.

    Example:
        >>> keras.tree.traverse(lambda x: keras.tree.MAP_TO_NONE if x == 2 else None, [1, 2, 3])
        [1, None, 3]
    """


def is_nested(structure) -> bool:
    """Whether the object is a container (list, tuple, named tuple, dict or deque).

    Example:
        >>> keras.tree.is_nested([1]), keras.tree.is_nested(1)
        (True, False)
    """
    return isinstance(structure, _CONTAINERS)


def _keys(mapping):
    if isinstance(mapping, OrderedDict):
        return list(mapping)
    try:
        return sorted(mapping)
    except TypeError:
        return list(mapping)


def _children(structure):
    if isinstance(structure, dict):
        return [structure[k] for k in _keys(structure)]
    return list(structure)


def _like(first, other):
    """The children of `other` in the order of those of `first`: of dicts, by key."""
    return [other[k] for k in _keys(first)] if isinstance(first, dict) else list(other)


def _kind(structure):
    """Containers of one kind match: all dicts, all named tuples of one class."""
    for kind in (dict, deque, list):
        if isinstance(structure, kind):
            return kind
    return type(structure) if hasattr(structure, "_fields") else tuple


def _rebuild(template, values):
    """A container like `template` holding `values` in visiting order."""
    if isinstance(template, dict):
        ordered = dict(zip(_keys(template), values))
        pairs = [(k, ordered[k]) for k in template]
        if isinstance(template, defaultdict):
            return defaultdict(template.default_factory, pairs)
        return type(template)(pairs)
    if isinstance(template, tuple):
        if hasattr(template, "_fields"):
            return type(template)(*values)
        return tuple(values) if type(template) is tuple else type(template)(values)
    if isinstance(template, deque):
        return type(template)(values, template.maxlen)
    return list(values) if type(template) is not list else values


def flatten(structure) -> list:
    """The leaves in visiting order; a leaf alone gives a list of one.

    Example:
        >>> keras.tree.flatten({"b": [1, 2], "a": 3})
        [3, 1, 2]
    """
    if not isinstance(structure, _CONTAINERS):
        return [structure]
    out: list = []
    _flatten_into(structure, out)
    return out


def _flatten_into(structure, out):
    for child in _children(structure):
        if isinstance(child, _CONTAINERS):
            _flatten_into(child, out)
        else:
            out.append(child)


def flatten_with_path(structure) -> list:
    """Pairs of (path tuple, leaf).

    Example:
        >>> keras.tree.flatten_with_path({"a": [1, 2], "b": 3})
        [(('a', 0), 1), (('a', 1), 2), (('b',), 3)]
    """
    out: list = []

    def walk(node, path):
        if isinstance(node, dict):
            for key in _keys(node):
                walk(node[key], path + (key,))
        elif isinstance(node, _CONTAINERS):
            for i, child in enumerate(node):
                walk(child, path + (i,))
        else:
            out.append((path, node))

    walk(structure, ())
    return out


def map_structure(func, *structures, none_is_leaf: bool = True):
    """Applies `func` to the leaves of equally built structures; so is the result.

    Args:
        none_is_leaf: whether `func` is called for `None`.

    Example:
        >>> keras.tree.map_structure(lambda x: 2 * x, {"a": [1, 2]})
        {'a': [2, 4]}
    """
    if not callable(func):
        raise TypeError(f"`func` must be callable. Received: func={func}")
    if not structures:
        raise ValueError("Must provide at least one structure")
    first = structures[0]
    if len(structures) == 1:
        return _map_one(func, first, none_is_leaf)
    for other in structures[1:]:
        assert_same_structure(first, other)
    return _map_many(func, structures, none_is_leaf)


def _map_one(func, node, none_is_leaf):
    if isinstance(node, _CONTAINERS):
        return _rebuild(node, [_map_one(func, c, none_is_leaf) for c in _children(node)])
    if node is None and not none_is_leaf:
        return None
    return func(node)


def _map_many(func, nodes, none_is_leaf):
    first = nodes[0]
    if isinstance(first, _CONTAINERS):
        columns = zip(*[_like(first, n) for n in nodes])
        return _rebuild(first, [_map_many(func, column, none_is_leaf) for column in columns])
    if first is None and not none_is_leaf:
        return None
    return func(*nodes)


def map_structure_up_to(shallow_structure, func, *structures):
    """Like `map_structure`, stopping at the leaves of `shallow_structure`.

    Args:
        func: function of what stands at each leaf of the shallow structure.

    Example:
        >>> keras.tree.map_structure_up_to([0, 0], len, [(1, 2), (3,)])
        [2, 1]
    """

    def walk(shallow, nodes):
        if not isinstance(shallow, _CONTAINERS):
            return func(*nodes)
        for node in nodes:
            fits = is_nested(node) and _kind(node) is _kind(shallow) and len(node) == len(shallow)
            if not fits or (isinstance(node, dict) and set(node) != set(shallow)):
                raise ValueError(
                    "The structures don't have the same nested structure as the shallow one. "
                    f"Expected: {shallow}. Received: {node}"
                )
        columns = zip(_children(shallow), *[_like(shallow, n) for n in nodes])
        return _rebuild(shallow, [walk(column[0], column[1:]) for column in columns])

    return walk(shallow_structure, structures)


def assert_same_structure(a, b, check_types=None) -> None:
    """Raises `ValueError` unless both are built alike. `check_types` is accepted and ignored.

    Example:
        >>> keras.tree.assert_same_structure({"a": 1}, {"a": "x"})
        >>> try:
        ...     keras.tree.assert_same_structure({"a": 1}, {"b": 1})
        ... except ValueError:
        ...     print("other keys")
        other keys
    """
    misfit = _misfit(a, b)
    if misfit is not None:
        expected, received = map(_described, misfit)
        raise ValueError(
            f"`a` and `b` don't have the same nested structure. Expected: {expected}. Received: "
            f"{received}, in a={a}, b={b}"
        )


def assert_same_paths(a, b) -> None:
    """Raises `ValueError` unless both have leaves at the same paths; container types may differ.

    Example:
        >>> keras.tree.assert_same_paths([1, (2, 3)], (1, [2, 3]))
        >>> try:
        ...     keras.tree.assert_same_paths([1], [1, 2])
        ... except ValueError:
        ...     print("other paths")
        other paths
    """
    paths_a = {p for p, _ in flatten_with_path(a)}
    paths_b = {p for p, _ in flatten_with_path(b)}
    if paths_a != paths_b:
        raise ValueError(
            f"`a` and `b` don't have the same paths. a: {sorted(map(str, paths_a))} "
            f"b: {sorted(map(str, paths_b))}"
        )


def _misfit(a, b):
    """The first two parts that are not built alike; `None` where the structures are."""
    nested_a, nested_b = isinstance(a, _CONTAINERS), isinstance(b, _CONTAINERS)
    if not nested_a and not nested_b:
        return None
    if nested_a != nested_b or _kind(a) is not _kind(b) or len(a) != len(b):
        return a, b
    if isinstance(a, dict):
        if a.keys() != b.keys():
            return a, b
        pairs = ((a[k], b[k]) for k in a)
    else:
        pairs = zip(a, b)
    return next(filter(None, (_misfit(x, y) for x, y in pairs)), None)


def _described(x):
    """A container's kind and size, or a leaf's type, for messages."""
    name = type(x).__name__
    if not isinstance(x, _CONTAINERS):
        return f"a leaf of type {name}"
    if isinstance(x, dict):
        return f"a {name} with the keys {list(x)}"
    kind = f"namedtuple {name}" if hasattr(x, "_fields") else name
    return f"a {kind} (number of elements: {len(x)})"


def pack_sequence_as(structure, flat_sequence):
    """Puts the flat values into a structure built like `structure`.

    Args:
        structure: the pattern.
        flat_sequence: its new leaves.

    Example:
        >>> keras.tree.pack_sequence_as({"a": [0, 0]}, [1, 2])
        {'a': [1, 2]}
    """
    flat = list(flat_sequence)
    if not isinstance(structure, _CONTAINERS):
        if len(flat) != 1:
            raise ValueError(
                "Incorrect number of leaves provided by `flat_sequence` for `structure`; expected: "
                f"1, received: {len(flat)}"
            )
        return flat[0]
    values = iter(flat)

    def walk(node):
        if isinstance(node, _CONTAINERS):
            return _rebuild(node, [walk(c) for c in _children(node)])
        return next(values)

    count = len(flatten(structure))
    if count != len(flat):
        raise ValueError(
            "Incorrect number of leaves provided by `flat_sequence` for `structure`; expected: "
            f"{count}, received: {len(flat)}"
        )
    return walk(structure)


def lists_to_tuples(structure):
    """The same structure with every list turned into a tuple.

    Example:
        >>> keras.tree.lists_to_tuples([1, {"a": [2]}])
        (1, {'a': (2,)})
    """
    if isinstance(structure, list):
        return tuple(lists_to_tuples(c) for c in structure)
    if isinstance(structure, _CONTAINERS):
        return _rebuild(structure, [lists_to_tuples(c) for c in _children(structure)])
    return structure


def is_shape_tuple(shape) -> bool:
    """Whether the object is a tuple or list of sizes and `None`s."""
    return isinstance(shape, (list, tuple)) and all(
        d is None or (isinstance(d, int) and not isinstance(d, bool)) for d in shape
    )


def map_shape_structure(func, structure):
    """`map_structure` whose leaves are shapes.

    Args:
        func: function of a shape.
        structure: nested structure whose leaves are shapes.

    Example:
        >>> keras.tree.map_shape_structure(len, {"a": (2, 3), "b": [(1,), (4, 5)]})
        {'a': 2, 'b': [1, 2]}
    """
    if not callable(func):
        raise TypeError(f"`func` must be callable. Received: func={func}")
    if is_shape_tuple(structure):
        return func(structure)
    if isinstance(structure, _CONTAINERS):
        return _rebuild(structure, [map_shape_structure(func, c) for c in _children(structure)])
    return func(structure)


def traverse(func, structure, top_down: bool = True):
    """Calls `func` on every container and leaf.

    Where it returns something else than `None`, that replaces the node (and is not entered);
    `MAP_TO_NONE` stands for `None`.

    Args:
        top_down: whether a node comes before its children.

    Example:
        >>> keras.tree.traverse(lambda x: None, [1, 2])
        [1, 2]
    """
    if top_down:
        replaced = func(structure)
        if replaced is None:
            if not isinstance(structure, _CONTAINERS):
                return structure
            return _rebuild(structure, [traverse(func, c, True) for c in _children(structure)])
        return None if replaced is MAP_TO_NONE else replaced
    if isinstance(structure, _CONTAINERS):
        structure = _rebuild(structure, [traverse(func, c, False) for c in _children(structure)])
    replaced = func(structure)
    if replaced is None:
        return structure
    return None if replaced is MAP_TO_NONE else replaced


__all__ = [
    "MAP_TO_NONE", "assert_same_paths", "assert_same_structure", "flatten",
    "flatten_with_path", "is_nested", "lists_to_tuples", "map_shape_structure",
    "map_structure", "map_structure_up_to", "pack_sequence_as", "traverse",
]  # fmt: skip
