"""Files of weights that are not part of lienzo: fetched once, checked always."""

import contextlib
import hashlib
import http.client
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import torch

from lienzo.errors import ScoreError
from lienzo.storage import files


def cached(url: str, sha256: str) -> Path:
    """Return the file that ``url`` names, from PyTorch's cache of weights or, the first time, from its address.

    The cache is ``$TORCH_HOME/hub/checkpoints``. A file that is there is used only if its checksum is right;
    otherwise it is fetched again. A download becomes visible when it is whole and right, so that one that broke off
    leaves nothing behind.

    Raises:
        ScoreError: the address cannot be reached, what it gave is incomplete or something else, or the cache cannot
            be written.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if path.is_file() and files.sha256(path) == sha256:
        return path
    elsewhere = (
        f"put the file at {path}, give it with --detector-file, or use the detector lite0, which needs no download"
    )
    with contextlib.ExitStack() as stack:
        try:
            response = stack.enter_context(urllib.request.urlopen(url, timeout=60))
        except (OSError, http.client.HTTPException) as error:
            raise ScoreError(f"{url} cannot be fetched ({error}): {elsewhere}.") from error
        try:
            with files.replacing(path) as file:
                digest = hashlib.sha256()
                for block in _blocks(response, url, elsewhere):
                    file.write(block)
                    digest.update(block)
                if digest.hexdigest() != sha256:
                    raise ScoreError(
                        f"{url} gave {file.tell()} bytes that do not have the SHA-256 {sha256}, an incomplete download "
                        f"or another file: try again, or {elsewhere}."
                    )
        except OSError as error:
            raise ScoreError(
                f"{path} cannot be written ({error}): set TORCH_HOME to a folder that can, or {elsewhere}."
            ) from error
    return path


def _blocks(response: BinaryIO, url: str, elsewhere: str) -> Iterator[bytes]:
    """Yield what comes from the network.

    Raises:
        ScoreError: the connection broke, or nothing came for too long.
    """
    while True:
        try:
            block = response.read(1 << 20)
        except (OSError, http.client.HTTPException) as error:
            raise ScoreError(f"{url} cannot be fetched to its end ({error}): try again, or {elsewhere}.") from error
        if not block:
            return
        yield block


def checked(path: Path, sha256: str) -> Path:
    """Return ``path`` if it is there and has this SHA-256.

    Raises:
        ScoreError: it is not there, or is another or a damaged file.
    """
    if not path.is_file():
        raise ScoreError(f"there is no file {path}: give the file of the detector's weights.")
    if files.sha256(path) != sha256:
        raise ScoreError(f"{path} does not have the SHA-256 {sha256}: it is damaged or another file; fetch it again.")
    return path
