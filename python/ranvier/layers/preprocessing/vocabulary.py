"""Vocabularies: terms and their indices, and counting the terms of a data set."""

from __future__ import annotations

import collections

import numpy as np


class Vocabulary:
    """Terms with consecutive indices.

    Args:
        terms: distinct strings, or integers.
        start: the index of the first one.
        integers: whether the terms are integers.
    """

    def __init__(self, terms, start: int, integers: bool):
        self.terms = [int(t) for t in terms] if integers else list(terms)
        self.start = start
        self.integers = integers
        self._places: dict = {}
        if integers:
            values = np.asarray(self.terms, dtype="int64")
            order = np.argsort(values)
            # One key more than there are terms, so that every search ends inside.
            self.keys = np.append(values[order], np.int64(np.iinfo("int64").max))
            self.indices = np.append(order + start, -1).astype("int64")
        else:
            self._places = {term: i for i, term in enumerate(self.terms, start)}

    def __len__(self):
        return len(self.terms)

    def find(self, flat) -> np.ndarray:
        """The indices (int64) of a flat list of strings or array of integers; −1 where unknown."""
        if not self.integers:
            places = self._places
            return np.fromiter((places.get(t, -1) for t in flat), np.int64, len(flat))
        at = np.searchsorted(self.keys, flat)
        return np.where(self.keys[at] == flat, self.indices[at], -1)

    def term(self, indices, default) -> list:
        """The terms with these indices; `default` where there is none."""
        last = self.start + len(self.terms)
        return [self.terms[i - self.start] if self.start <= i < last else default
                for i in indices]  # fmt: skip


class Counter:
    """How often terms occur in a data set, and in how many of its documents."""

    def __init__(self, documents: bool):
        self._counts: collections.Counter = collections.Counter()
        self._in_documents: collections.Counter | None = (
            collections.Counter() if documents else None
        )
        self.num_documents = 0

    def add(self, documents) -> None:
        """Counts a list of documents, each a list of terms."""
        for document in documents:
            self._counts.update(document)
            if self._in_documents is not None:
                self._in_documents.update(set(document))
        self.num_documents += len(documents)

    def most_common(self, count, without) -> list:
        """The `count` most frequent terms (`None`: all); of equal ones the greater comes first."""
        terms = [t for t in self._counts if t not in without]
        terms.sort(key=lambda t: (self._counts[t], t), reverse=True)
        return terms if count is None else terms[: max(count, 0)]

    def inverse_document_frequency(self, terms) -> np.ndarray:
        """log(1 + documents / (1 + documents with the term)) of each term."""
        assert self._in_documents is not None
        found = np.array([self._in_documents[t] for t in terms], dtype="float64")
        return np.log(1 + self.num_documents / (1 + found))

    def __bool__(self):
        return bool(self._counts)
