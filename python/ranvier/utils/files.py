"""`get_file`: a file from the network, kept in a cache, checked and unpacked.

The standard library downloads here, since it also reads `file:` addresses.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import warnings
import zipfile

from ranvier.training.progress import Progbar, print_message

_CHUNK = 1 << 16


def get_file(
    fname=None,
    origin=None,
    untar=False,
    md5_hash=None,
    file_hash=None,
    cache_subdir="datasets",
    hash_algorithm="auto",
    extract=False,
    archive_format="auto",
    cache_dir=None,
    force_download=False,
):
    """The path of a file that is downloaded once.

    Args:
        fname: its name in the cache; the last part of the address by default. With `extract` the
            directory to unpack into (with `_extracted` added if the name has an ending).
        origin: address.
        untar: the same as `extract` with `archive_format="tar"`.
        md5_hash: the same as `file_hash` with `hash_algorithm="md5"`.
        file_hash: hex digits that the file must have. Give them: nothing else says that the file
            is the one you mean.
        cache_subdir: folder below the cache, or an absolute path.
        hash_algorithm: "md5", "sha256", or "auto" by the number of digits.
        extract: whether an archive is unpacked.
        archive_format: "tar", "zip", "auto" for both, a list of them, or `None` for none.
        cache_dir: the cache; by default what KERAS_HOME names, else `~/.keras`.
        force_download: whether it is fetched although it is there.

    Returns:
        The path of the file, or of the directory that holds its contents.

    Raises:
        ValueError: no `origin`, a name with folders, a file whose hash is another one, or an
            archive whose entries lead out of its directory.
        OSError: the address cannot be read; nothing is left behind.

    Example:
        >>> import pathlib
        >>> folder = pathlib.Path("cache/datasets")
        >>> folder.mkdir(parents=True)
        >>> (folder / "a.txt").write_text("kept")
        4
        >>> path = keras.utils.get_file("a.txt", "https://example.org/a.txt", cache_dir="cache")
        >>> pathlib.Path(path).read_text()
        'kept'
    """
    if origin is None:
        raise ValueError('Please specify the "origin" argument (URL of the file to download).')
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    folder = _cache_folder(cache_dir, cache_subdir)
    unpacked, target = _places(fname, origin, folder, extract or untar)
    if force_download or not _is_there(target, file_hash, hash_algorithm):
        _download(origin, target, file_hash, hash_algorithm)
    if unpacked is None:
        return target
    if not extract_archive(target, unpacked, "tar" if untar else archive_format):
        warnings.warn(f"{target} is no archive that could be unpacked.", stacklevel=2)
    return unpacked


def _cache_folder(cache_dir, cache_subdir):
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    base = os.path.expanduser(os.fspath(cache_dir or home))
    try:
        os.makedirs(base, exist_ok=True)
        writable = os.access(base, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        base = os.path.join(tempfile.gettempdir(), ".keras")
    folder = os.path.join(base, cache_subdir)
    os.makedirs(folder, exist_ok=True)
    return folder


def _places(fname, origin, folder, unpack):
    """Where contents and file go; no place for contents where nothing is unpacked."""
    name = os.fspath(fname) if fname else os.path.basename(urllib.parse.urlsplit(origin).path)
    if not name:
        raise ValueError(
            f"Can't parse the file name from the origin provided: '{origin}'. Please specify the "
            "`fname` argument."
        )
    if os.sep in name or name in (".", ".."):
        raise ValueError(
            "`fname` must be a name without folders; use `cache_dir` for the folder. "
            f"Received: fname={name}"
        )
    target = os.path.join(folder, name)
    if not unpack:
        return None, target
    if fname and "." in name:
        return os.path.join(folder, f"{name[: name.index('.')]}_extracted"), target
    return target, f"{target}_archive"


def _is_there(target, file_hash, algorithm):
    if not os.path.exists(target):
        return False
    if file_hash is None or _hash_of(target, file_hash, algorithm) == str(file_hash).lower():
        return True
    print_message(f"{target} has another hash than {file_hash}: it is downloaded again.")
    return False


def _hash_of(path, file_hash, algorithm):
    strong = algorithm == "sha256" or (algorithm == "auto" and len(str(file_hash)) == 64)
    digest = hashlib.sha256() if strong else hashlib.md5()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _download(origin, target, file_hash, algorithm):
    print_message(f"Downloading data from {origin}")
    part = f"{target}.{secrets.token_hex(4)}.part"
    try:
        try:
            with urllib.request.urlopen(origin) as source, open(part, "wb") as file:
                _copy(source, file)
        except (urllib.error.URLError, ValueError) as error:
            raise OSError(f"URL fetch failure on {origin}: {error}") from error
        if file_hash is not None:
            found = _hash_of(part, file_hash, algorithm)
            if found != str(file_hash).lower():
                raise ValueError(
                    f"Incomplete or corrupted file detected: {origin}. Expected: the hash "
                    f"{file_hash}. Received: {found}."
                )
        os.replace(part, target)
    finally:
        if os.path.exists(part):
            os.remove(part)


def _copy(source, file):
    size = source.headers.get("Content-Length")
    bar = Progbar(int(size) if size else None)
    done = 0
    while chunk := source.read(_CHUNK):
        file.write(chunk)
        done += len(chunk)
        bar.update(done)


def extract_archive(path, folder, archive_format="auto") -> bool:
    """Unpacks a tar or zip archive; says whether it was one.

    Raises:
        ValueError: an entry that leads out of the folder.
    """
    kinds = ("tar", "zip") if archive_format == "auto" else archive_format or ()
    for kind in (kinds,) if isinstance(kinds, str) else kinds:
        if kind == "tar" and tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                _unpack(folder, lambda place, a=archive: _extract_tar(a, place))
            return True
        if kind == "zip" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                _unpack(folder, archive.extractall)
            return True
    return False


def _unpack(folder, extract):
    """All entries or none: they are moved to `folder` only when all could be read."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(folder)) as place:
        extract(place)
        shutil.copytree(place, folder, dirs_exist_ok=True, symlinks=True)


def _extract_tar(archive, place):
    try:
        archive.extractall(place, filter="data")
    except tarfile.FilterError as error:
        raise ValueError(f"{archive.name}: an entry that is not unpacked: {error}") from error
