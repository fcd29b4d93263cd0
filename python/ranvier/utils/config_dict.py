"""`Config`: named values that can be frozen."""

from __future__ import annotations

import difflib
import json


class Config:
    """Named values, read and set as attributes or as items; can be frozen and written as JSON.

    Example:
        >>> config = keras.utils.Config(learning_rate=0.1)
        >>> config.momentum = 0.9
        >>> config["momentum"], config.to_json()
        (0.9, '{"learning_rate": 0.1, "momentum": 0.9}')
    """

    # Names of the class's own attributes; until it is set, every name is one.
    __attrs__: set | None = None

    def __init__(self, **kwargs):
        self._config = kwargs
        self._frozen = False
        self.__attrs__ = set(dir(self))

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return self._frozen

    def freeze(self) -> None:
        """Refuses all changes from now on."""
        self._frozen = True

    def unfreeze(self) -> None:
        """Allows changes again."""
        self._frozen = False

    def as_dict(self) -> dict:
        """A copy as a dict."""
        return dict(self._config)

    def to_json(self) -> str:
        """The values as JSON."""
        return json.dumps(self._config)

    def keys(self):
        """The names."""
        return self._config.keys()

    def values(self):
        """The values."""
        return self._config.values()

    def items(self):
        """Pairs of name and value."""
        return self._config.items()

    def get(self, keyname, value=None):
        """The value of a name, or a default."""
        return self._config.get(keyname, value)

    def pop(self, *args):
        """Removes a name and returns its value."""
        return self._changeable().pop(*args)

    def update(self, *args, **kwargs):
        """Sets values from a dict and from keyword arguments."""
        return self._changeable().update(*args, **kwargs)

    def _changeable(self) -> dict:
        if self._frozen:
            raise ValueError("Cannot mutate attribute(s) because the config is frozen.")
        return self._config

    def __setattr__(self, name, value):
        if self.__attrs__ is None or name in self.__attrs__:
            object.__setattr__(self, name, value)
        else:
            self._changeable()[name] = value

    def __getattr__(self, name):
        # Called only for names that are no attributes of the class.
        values = self.__dict__.get("_config", {})
        if name in values:
            return values[name]
        near = difflib.get_close_matches(name, values, n=1, cutoff=0.7)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise AttributeError(f"Unknown attribute: '{name}'.{hint}")

    def __setitem__(self, key, item):
        self._changeable()[key] = item

    def __getitem__(self, key):
        return self._config[key]

    def __delitem__(self, key):
        del self._changeable()[key]

    def __contains__(self, item):
        return item in self._config

    def __iter__(self):
        return iter(sorted(self._config))

    def __len__(self):
        return len(self._config)

    def __repr__(self):
        return f"<Config {self._config}>"
