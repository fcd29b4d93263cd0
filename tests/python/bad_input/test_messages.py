"""Golden messages: type and text of the error that each mistake raises.

`RANVIER_UPDATE_GOLDEN=1 pytest tests/python/bad_input` writes the files anew; read the difference
before committing it.
"""

import os
import pathlib
import re
import tempfile
import warnings

import mistakes_in_use  # noqa: F401 - adds its own
import pytest
from mistakes import MISTAKES

import ranvier as keras

GOLDEN = pathlib.Path(__file__).parent / "golden"


def message_of(fn) -> str:
    """Type and text of the error; paths and addresses of this run are taken out."""
    keras.utils.clear_session()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception) as caught:
            fn()
    error = caught.value
    text = "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])
    text = re.sub(r"0x[0-9a-f]{6,}", "0x…", text)
    text = re.sub(re.escape(tempfile.gettempdir()) + r"/\w+/", "", text)
    return re.sub(r"(/[^\s:'\"]+)?/([\w]+\.py):\d+", r"\2:<line>", text) + "\n"


@pytest.mark.parametrize("name", MISTAKES)
def test_message(name):
    message = message_of(MISTAKES[name])
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("RANVIER_UPDATE_GOLDEN") == "1":
        file.write_text(message, encoding="utf-8")
    expected = file.read_text(encoding="utf-8")
    if not hasattr(BaseException, "add_note"):  # Python 3.10 has no notes
        expected = expected[: len(message) - 1] + "\n"
    assert message == expected


@pytest.mark.parametrize("name", MISTAKES)
def test_type_is_one_that_users_catch(name):
    kind = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").split(":")[0]
    assert kind in {
        "ValueError",
        "TypeError",
        "ShapeError",
        "AxisError",
        "DTypeError",
        "RangeError",
        "GraphError",
        "FileFormatError",
    } or (name, kind) in {
        ("attribute_that_does_not_exist", "AttributeError"),
        ("misspelt_op", "AttributeError"),
        ("iterating_over_a_keras_tensor", "NotImplementedError"),  # these three as in Keras
        ("layer_without_super_init", "RuntimeError"),
        ("model_without_call", "NotImplementedError"),
    }


def test_every_golden_file_belongs_to_a_mistake():
    assert {file.stem for file in GOLDEN.glob("*.txt")} == set(MISTAKES)
