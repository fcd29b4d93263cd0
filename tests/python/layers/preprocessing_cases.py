"""Layers on strings and hashes, with what real Keras gives for them.

Their values in Keras come from TensorFlow, so that they are stored: where Keras and TensorFlow are
installed, `KERAS_BACKEND=tensorflow python preprocessing_cases.py` writes `golden/strings.json`
anew.
"""

from __future__ import annotations

import json
import pathlib

import numpy as np

GOLDEN = pathlib.Path(__file__).parent / "golden" / "strings.json"
WORDS = [["earth", "wind", "and", "fire"], ["fire", "and", "earth", "michigan"]]
TEXTS = ["Earth, wind AND fire!", "fire  and\tearth", "", "Ärger über ÉCOLE (fire)", "earth earth"]
LONG = ["", "a", "four", "seven77", "exactly8", "sixteen bytes ok", "x" * 17, "y" * 32, "z" * 33,
        "q" * 64, "w" * 65, "e" * 128, "r" * 200, "naïve", "日本語"]  # fmt: skip

# name: (layer, arguments, data for `adapt` or None, inputs)
CASES = {}


def case(layer, adapt, inputs, **arguments):
    CASES[f"{len(CASES)}-{layer}"] = (layer, arguments, adapt, inputs)


for _mode in ("int", "one_hot", "multi_hot", "count", "tf_idf"):
    case("StringLookup", WORDS, [["earth", "fire", "ohio"]], output_mode=_mode)
    case("StringLookup", WORDS, [["earth", "", "ohio", "ohio"]], output_mode=_mode, mask_token="",
         num_oov_indices=3)  # fmt: skip
    case("IntegerLookup", [[12, 1138, 42], [42, 1000, 1000]], [[42, 7, 42], [1000, -5, 0]],
         output_mode=_mode, mask_token=0, num_oov_indices=2)  # fmt: skip
    if _mode != "one_hot":  # ragged in TensorFlow
        case("TextVectorization", TEXTS, TEXTS[:4], output_mode=_mode)
    if _mode not in ("int", "one_hot"):
        case("TextVectorization", TEXTS, TEXTS, output_mode=_mode, max_tokens=12,
             pad_to_max_tokens=True)  # fmt: skip
    if _mode != "int":
        case("StringLookup", WORDS, ["earth", "fire", "ohio"], output_mode=_mode)
    if _mode != "tf_idf":
        case("Hashing", None, [["omar"], ["stringer"], ["marlo"]], num_bins=3, output_mode=_mode)
case("StringLookup", WORDS, [["earth", "ohio"]], max_tokens=4, num_oov_indices=2)
case("StringLookup", None, [["a", "z", "q"]], vocabulary=["a", "b"], num_oov_indices=5, salt=7)
case("StringLookup", None, [["a", "b"], ["c", "a"]], vocabulary=["a", "b", "c"], num_oov_indices=0)
case("StringLookup", None, [[1, 0], [2, 9]], vocabulary=["a", "b"], invert=True)
case("StringLookup", None, [["b", "z"]], vocabulary=["a", "b"], output_mode="tf_idf",
     idf_weights=[0.5, 2.0])  # fmt: skip
case("StringLookup", None, [["b", "z"]], vocabulary=["[UNK]", "a", "b"], output_mode="tf_idf",
     idf_weights=[0.1, 0.5, 2.0], max_tokens=5, pad_to_max_tokens=True)  # fmt: skip
case("IntegerLookup", None, [[3, 0, 1, 7]], vocabulary=[10, 20], mask_token=-9, invert=True)
case("IntegerLookup", None, [[10, 33, -4, 44]], vocabulary=[10, 20], num_oov_indices=4,
     oov_method="farmhash")  # fmt: skip
case("IntegerLookup", None, [[10, 33, -4, 44]], vocabulary=[10, 20], num_oov_indices=4,
     oov_method="farmhash", salt=[3, 4])  # fmt: skip
case("TextVectorization", TEXTS, TEXTS, output_sequence_length=3)
case("TextVectorization", TEXTS, TEXTS[:1], output_sequence_length=6, standardize=None)
case("TextVectorization", TEXTS, TEXTS, standardize="lower", max_tokens=5)
case("TextVectorization", TEXTS, TEXTS, standardize="strip_punctuation", ngrams=2)
case("TextVectorization", TEXTS, TEXTS, ngrams=(3, 2), output_mode="count")
case("TextVectorization", TEXTS, TEXTS, split="character", output_sequence_length=9)
case("TextVectorization", WORDS, WORDS, split=None, standardize=None)
case("TextVectorization", WORDS, WORDS, split=None, output_sequence_length=6)
case("TextVectorization", WORDS, WORDS, split=None, output_mode="multi_hot")
case("TextVectorization", WORDS, WORDS, split=None, output_mode="one_hot")
case("TextVectorization", TEXTS, [[TEXTS[0]], [TEXTS[1]]])
case("TextVectorization", None, ["b a c", "q"], vocabulary=["a", "b"])
case("Hashing", None, LONG, num_bins=2**40)
case("Hashing", None, LONG, num_bins=2**40, salt=[133, 137])
case("Hashing", None, [["omar"], [""], ["marlo"]], num_bins=4, mask_value="")
case("Hashing", None, [1, -2, 0, 2**40], num_bins=1000)
case("Hashing", None, [[1.9, -2.9, 0.0]], num_bins=1000, mask_value=0)
case("Hashing", None, [[1, 2, 3]], num_bins=1, mask_value=2)
case("HashedCrossing", None, (["A", "B", "A"], [101, 102, -7]), num_bins=2**40)
case("HashedCrossing", None, ([["A"], ["B"]], [["x"], [""]]), num_bins=5, output_mode="one_hot")
case("HashedCrossing", None, (["A", "B"], ["C", "D"], ["é", "日本"]), num_bins=997)
case("HashedCrossing", None, ("A", 5), num_bins=997)
_ramp = [[round(i * i / 50 - 3, 2)] for i in range(40)]
for _bins, _epsilon in ((5, 0.01), (3, 0.2), (10, 0.05)):
    case("Discretization", _ramp, _ramp, num_bins=_bins, epsilon=_epsilon)


def outcome(layers, name):
    """Vocabulary and outputs of a case as plain lists."""
    layer, arguments, adapt, inputs = CASES[name]
    layer = getattr(layers, layer)(**arguments)
    if adapt is not None:
        layer.adapt(np.array(adapt))
    several = isinstance(inputs, tuple)
    outputs = layer(tuple(map(np.array, inputs)) if several else np.array(inputs))
    outputs = np.asarray(outputs)
    if outputs.dtype.kind in "OSU":
        flat = [x.decode() if isinstance(x, bytes) else str(x) for x in outputs.ravel()]
        outputs = np.array(flat).reshape(outputs.shape)
    vocabulary = layer.get_vocabulary() if hasattr(layer, "get_vocabulary") else None
    vocabulary = vocabulary and [x if isinstance(x, str) else int(x) for x in vocabulary]
    vocabulary = vocabulary or getattr(layer, "bin_boundaries", None)
    return {"outputs": outputs.tolist(), "vocabulary": vocabulary}


if __name__ == "__main__":
    import keras

    found = {name: outcome(keras.layers, name) for name in CASES}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in found.items())
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
