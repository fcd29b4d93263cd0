"""A model from strings to a verdict: which text messages are spam?

python examples/sms_spam.py sms_spam.tsv [--epochs 8]

The file has a line `ham|spam<TAB>message` per message (UCI's "SMS Spam Collection"). The text layer
is part of the model, so that the saved file takes messages as they are. The vocabulary is smaller
than that of the training messages: so the model meets unknown words while it learns.
"""

import argparse

import numpy as np

import ranvier as keras
from ranvier import layers

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("file", help="lines of label, tab, message")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--save", default="sms_spam.keras", help="where the model goes")
options = parser.parse_args()

with open(options.file, encoding="utf-8") as file:
    rows = [line.rstrip("\n").split("\t", 1) for line in file if "\t" in line]
keras.utils.set_random_seed(1)
order = np.random.default_rng(1).permutation(len(rows))
messages = np.array([rows[i][1] for i in order], dtype=object)
spam = np.array([rows[i][0] == "spam" for i in order], dtype="float32")
held = len(rows) // 5

vectorize = layers.TextVectorization(max_tokens=3000, output_sequence_length=60)
vectorize.adapt(messages[held:])
model = keras.Sequential([
    keras.Input((), dtype="string"),
    vectorize,
    layers.Embedding(3000, 32),
    layers.SpatialDropout1D(0.3),
    layers.Conv1D(32, 3, activation="relu"),
    layers.GlobalMaxPooling1D(),
    layers.Dense(1, activation="sigmoid"),
])  # fmt: skip
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.summary()
model.fit(messages[held:], spam[held:], batch_size=64, epochs=options.epochs, verbose=2)
loss, accuracy = model.evaluate(messages[:held], spam[:held], verbose=0)
print(f"Test loss {loss:.4f}, accuracy {100 * accuracy:.2f} %")
model.save(options.save)

examples = np.array(["Are you coming home for lunch?", "WINNER!! Claim your free prize now"])
for message, chance in zip(examples, model.predict(examples, verbose=0)[:, 0]):
    print(f"{100 * chance:5.1f} % spam: {message}")
