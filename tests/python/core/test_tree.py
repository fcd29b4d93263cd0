"""Nested structures."""

from __future__ import annotations

from collections import OrderedDict, deque, namedtuple

import pytest

from ranvier import tree

Point = namedtuple("Point", "x y")
NEST = {"b": [1, (2, 3)], "a": Point(4, {"z": 5})}


def test_dicts_are_visited_in_sorted_order():
    assert tree.flatten(NEST) == [4, 5, 1, 2, 3]
    assert tree.flatten(OrderedDict([("b", 1), ("a", 2)])) == [1, 2]
    assert tree.flatten(7) == [7]
    assert tree.flatten([]) == []


def test_map_and_pack_keep_types_and_key_order():
    doubled = tree.map_structure(lambda v: 2 * v, NEST)
    assert doubled == {"b": [2, (4, 6)], "a": Point(8, {"z": 10})}
    assert list(doubled) == ["b", "a"]
    assert isinstance(doubled["a"], Point)
    assert tree.pack_sequence_as(NEST, tree.flatten(NEST)) == NEST
    assert tree.map_structure(lambda a, b: a + b, [1, (2,)], [3, (4,)]) == [4, (6,)]
    assert tree.map_structure(lambda v: v, None) is None


def test_paths():
    assert tree.flatten_with_path({"b": [1, 2], "a": 3}) == [
        (("a",), 3),
        (("b", 0), 1),
        (("b", 1), 2),
    ]


@pytest.mark.parametrize(
    ("a", "b"), [([1, 2], (1, 2)), ([1], [1, 2]), ({"a": 1}, {"b": 1}), (1, [1])]
)
def test_different_structures_are_refused(a, b):
    with pytest.raises(ValueError, match="same nested structure"):
        tree.assert_same_structure(a, b)
    with pytest.raises(ValueError, match="same nested structure"):
        tree.map_structure(lambda x, y: x, a, b)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ((1, [2]), (1, (2,)), r"Expected: a list .*: 1\)\. Received: a tuple .*: 1\)"),
        ([1, 2], [1], r"Expected: a list .*: 2\)\. Received: a list .*: 1\)"),
        (
            {"a": {"b": 1}},
            {"a": {"c": 1}},
            r"keys \['b'\]\. Received: a dict with the keys \['c'\]",
        ),
        (((),), (5,), r"Expected: a tuple .*Received: a leaf of type int"),
    ],
)
def test_the_parts_that_differ_are_named(a, b, message):
    with pytest.raises(ValueError, match=message):
        tree.assert_same_structure(a, b)


def test_wrong_number_of_leaves():
    with pytest.raises(ValueError, match="expected: 2, received: 3"):
        tree.pack_sequence_as([0, 0], [1, 2, 3])


def test_traverse_replaces_top_down_or_bottom_up():
    assert tree.traverse(lambda v: v + 1 if isinstance(v, int) else None, [1, {"a": 2}]) == [
        2,
        {"a": 3},
    ]
    assert tree.traverse(lambda v: tree.MAP_TO_NONE if v == 1 else None, [1, 2]) == [None, 2]
    assert tree.traverse(
        lambda v: "list" if isinstance(v, list) else None, (1, [2]), top_down=False
    ) == (1, "list")


def test_shapes_are_leaves():
    shapes = {"a": (None, 3), "b": [(2,), (1, 2)]}
    assert tree.map_shape_structure(len, shapes) == {"a": 2, "b": [1, 2]}
    assert tree.lists_to_tuples([1, [2, {"a": [3]}]]) == (1, (2, {"a": (3,)}))
    assert tree.map_structure_up_to([0, 0], lambda v: v, [[1, 2], 3]) == [[1, 2], 3]


def test_deques_are_containers_of_their_own():
    pair = deque([1, 2], maxlen=3)
    assert tree.flatten({"a": pair}) == [1, 2]
    mapped = tree.map_structure(lambda x: x + 1, pair)
    assert mapped == deque([2, 3]) and mapped.maxlen == 3
    with pytest.raises(ValueError, match="same nested structure"):
        tree.assert_same_structure(pair, [1, 2])


def test_dicts_of_two_orders_are_mapped_by_key():
    one, other = {"b": 1, "a": 2}, OrderedDict([("b", 10), ("a", 20)])
    assert tree.map_structure(lambda x, y: x + y, one, other) == {"b": 11, "a": 22}
    assert tree.map_structure_up_to(one, lambda y: y, other) == {"b": 10, "a": 20}
    with pytest.raises(ValueError, match="same nested structure"):
        tree.map_structure_up_to([1, 2], lambda y: y, (1, 2))


def test_leaves_among_shapes_are_mapped_too():
    assert tree.map_shape_structure(str, {"a": [1, None], "b": "x"}) == {"a": "[1, None]", "b": "x"}
