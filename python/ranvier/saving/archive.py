"""Bytes on disk: atomic writes, and zip archives read within bounds."""

from __future__ import annotations

import contextlib
import os
import secrets
import zipfile

from ranvier.errors import FileFormatError, FolderNotFoundError, SaveError

MAX_CONFIG_BYTES = 1 << 28
# A member above the floor may not expand more than this: Keras stores its members uncompressed.
_ZIP_FLOOR_BYTES = 1 << 28
_ZIP_MAX_EXPANSION = 100
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)


@contextlib.contextmanager
def reading(path):
    """Turns whatever a damaged file causes into `FileFormatError` with the file's name."""
    try:
        yield
    except (ValueError, ImportError, TypeError, FileNotFoundError, PermissionError):
        raise
    except MemoryError as error:
        raise FileFormatError(f"{path}: the file asks for more memory than there is.") from error
    except Exception as error:
        detail = str(error) or type(error).__name__
        raise FileFormatError(
            f"{path}: the file is damaged, or not of this format ({type(error).__name__}: "
            f"{detail})."
        ) from error


def write_atomically(path, produce) -> None:
    """Writes a file so that either the whole new one or the whole old one is there.

    Args:
        path: the file's name.
        produce: called with the open binary file.

    Raises:
        SaveError: the directory is read-only, the disk is full, and the like.
    """
    path = os.path.realpath(os.fspath(path))
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(4)}.part")
    created = False
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        created = True
        with os.fdopen(descriptor, "wb") as file:
            produce(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        created = False
        _sync_folder(folder)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        raise (FolderNotFoundError if missing else SaveError)(
            error.errno,
            f"{path} could not be written ({error.strerror or error}); "
            + ("the old file is unchanged." if os.path.exists(path) else "nothing was left behind.")
            + " Hint: check that the folder exists, may be written, and has free space",
        ) from error
    finally:
        if created:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _sync_folder(folder):
    # Makes the rename durable where directories can be opened; elsewhere it is at the next sync.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_zip(file, members) -> None:
    """A zip of `(name, bytes)`, stored, with fixed times: equal models give equal bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, _FIXED_TIME)
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)


def names_below(folder):
    """Files below a directory, relative, with `/`; links to directories are not followed."""
    for root, _, files in os.walk(folder):
        for name in files:
            yield os.path.relpath(os.path.join(root, name), folder).replace(os.sep, "/")


class Members:
    """The named parts of a saved model: a `.keras` zip, or a directory with the same files."""

    def __init__(self, path):
        self.path = os.fspath(path)
        self._archive = None
        if os.path.isdir(self.path):
            self.names = set(names_below(self.path))
            return
        if not zipfile.is_zipfile(self.path):
            raise FileFormatError(
                f"{self.path}: the file is damaged or cut short, or no `.keras` zip file: a zip's "
                "directory, at its end, is missing."
            )
        self._archive = zipfile.ZipFile(self.path)
        self.names = set(self._archive.namelist())

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self._archive is not None:
            self._archive.close()

    def below(self, prefix) -> list:
        """The names that begin with `prefix`, sorted."""
        return sorted(n for n in self.names if n.startswith(prefix) and not n.endswith("/"))

    def read(self, name, limit=None) -> bytes:
        """The bytes of a member.

        Raises:
            FileFormatError: it is missing, larger than `limit`, or expands suspiciously.
        """
        if name not in self.names:
            raise FileFormatError(f"{self.path}: the member {name} is missing.")
        if self._archive is None:
            place = os.path.join(self.path, name)
            self._check(name, os.path.getsize(place), None, limit)
            with open(place, "rb") as file:
                return file.read()
        info = self._archive.getinfo(name)
        self._check(name, info.file_size, info.compress_size, limit)
        return self._archive.read(name)

    def _check(self, name, size, stored, limit):
        if limit is not None and size > limit:
            raise FileFormatError(
                f"{self.path}: {name} has {size} bytes, more than the {limit} that are accepted."
            )
        if stored is not None and size > _ZIP_FLOOR_BYTES and size > _ZIP_MAX_EXPANSION * stored:
            raise FileFormatError(
                f"{self.path}: {name} announces {size} bytes but stores {stored}; such an "
                f"expansion is "
                "refused."
            )
