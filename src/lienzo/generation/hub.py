"""Generators on the Hugging Face Hub, by names such as ``hf://USER/NAME@REVISION``.

Of a repository one file is fetched, the generator's safetensors, which cannot run code. It stays in lienzo's cache
folder, from which it is read where there is no network.
"""

import logging
import re
from pathlib import Path
from typing import Any

from lienzo.errors import GeneratorError, InputError
from lienzo.storage import caches
from lienzo.version import __version__

FILE = "generator.safetensors"
"""Name of the file in a repository."""

LARGEST = 2 << 30
"""Bytes that a generator may have, at most."""

ADDRESS = re.compile(r"hf://(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
"""Where a generator lies on the Hub; without a revision, the newest."""

ATTEMPTS = 3
"""How often a file is fetched whose repository changes meanwhile."""

log = logging.getLogger("lienzo")


def is_address(text: str) -> bool:
    """Say whether a text begins as the address of something on the Hub does."""
    return text.startswith("hf:/")


def name(address: str) -> str:
    """Return the last part of a repository's name.

    Raises:
        InputError: no address.
    """
    return _parsed(address)["name"].rpartition("/")[2]


def _parsed(address: str) -> re.Match[str]:
    """Return the parts of an address, by the names in ``ADDRESS``.

    Raises:
        InputError: it is none.
    """
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise InputError(f"'{address}' is no address on the Hub: write hf://USER/NAME or hf://USER/NAME@REVISION.")
    return found


def fetch(address: str) -> Path:
    """Return the file of a generator on the Hub, fetched unless the cache has it; say which revision it is.

    Raises:
        InputError: no address, or huggingface_hub is missing.
        GeneratorError: no such repository or revision, no generator in it, one that is too large, or no network.
    """
    found = _parsed(address)
    log.info("Asking the Hub for %s.", address)
    path = _fetched(address, found["name"], found["revision"])
    revision = path.parent.name
    if found["revision"] != revision:
        log.info(
            "hf://%s is at revision %s: hf://%s@%s stays with it.", found["name"], revision, found["name"], revision
        )
    return path


def client() -> Any:
    """Return the module huggingface_hub, with its errors.

    Raises:
        InputError: it is missing.
    """
    try:
        import huggingface_hub.errors  # noqa: PLC0415  an extra
    except ImportError:
        raise InputError("the Hub needs huggingface_hub: install it with pip install 'lienzo[hub]'.") from None
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it tells of every retry
    return huggingface_hub


def _fetched(address: str, name: str, revision: str | None) -> Path:
    """Return the file in the cache, in a folder of the name of its revision."""
    hub = client()
    errors = hub.errors
    asked = {
        "repo_id": name, "filename": FILE, "revision": revision, "cache_dir": caches.folder("generators"),
        "library_name": "lienzo", "library_version": __version__,
    }  # fmt: skip
    try:
        for _ in range(ATTEMPTS):
            offered = hub.hf_hub_download(**asked, dry_run=True)
            if offered.file_size is None or offered.file_size > LARGEST:
                raise GeneratorError(f"{address} has {offered.file_size} bytes, which is too large for a generator.")
            path = Path(hub.hf_hub_download(**asked))
            if path.parent.name == offered.commit_hash:
                return path
        raise GeneratorError(f"{address} changes while it is fetched: try again, or name a revision.")
    except errors.RevisionNotFoundError:
        raise GeneratorError(f"{name} has no revision {revision}: leave it out for the newest.") from None
    except errors.LocalEntryNotFoundError:
        raise GeneratorError(
            f"the Hub cannot be reached, and {address} is not in the cache: look at the network, or fetch it elsewhere."
        ) from None
    except errors.EntryNotFoundError:
        raise GeneratorError(f"{address} holds no {FILE}: it is no generator of lienzo's.") from None
    except errors.RepositoryNotFoundError:
        raise GeneratorError(
            f"there is no {address} that you may see: check the name, or log in with hf auth login."
        ) from None
    except errors.HFValidationError:
        raise InputError(
            f"'{address}' is no address on the Hub: write hf://USER/NAME or hf://USER/NAME@REVISION."
        ) from None
    except errors.HfHubHTTPError as error:
        raise GeneratorError(f"the Hub refuses {address} ({str(error).splitlines()[0]}): try again later.") from None
