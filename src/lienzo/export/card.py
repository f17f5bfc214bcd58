"""A folder that is ready for the Hugging Face Hub: the weights, and a page that says what they are."""

import hashlib
from pathlib import Path
from typing import Any

from lienzo.display import gallery
from lienzo.errors import InputError
from lienzo.export import safetensors
from lienzo.export.progress import Progress, Steps
from lienzo.export.readme import readme
from lienzo.export.subject import Subject
from lienzo.generation import hub
from lienzo.recipe.recipe import Recipe
from lienzo.storage.files import sha256, write_bytes, write_text

SAMPLES = 64
"""Seeds from 0 on whose pictures are shown, none left out."""


def write(
    subject: Subject, path: Path, *, float16: bool = False, licence: str | None = None, push: str | None = None
) -> Steps:
    """Write a folder with the weights, a README with the metadata of the Hub, samples, and the recipe.

    Args:
        subject: the generator.
        path: of the folder.
        float16: store the weights as float16.
        licence: for the card; it stays open where none is given.
        push: ``USER/NAME`` of the repository on the Hub that it is uploaded to.

    Raises:
        InputError: huggingface_hub is missing, or the upload fails.
    """
    if push is not None:
        hub.client()
    licence = licence or subject.card.get("licence")
    path.mkdir()
    facts = yield from safetensors.write(subject, path / hub.FILE, float16=float16, licence=licence)
    yield Progress("drawing", 0, SAMPLES)
    pictures = subject.generator.generate(range(SAMPLES))
    write_bytes(path / "samples.png", gallery.png(gallery.grid(pictures.images)))
    if "recipe" in subject.card:
        write_text(path / "recipe.toml", Recipe.from_dict(subject.card["recipe"]).to_toml())
    write_text(path / "README.md", readme(subject, licence, push))
    if push is None:
        return facts
    yield Progress("uploading", 0, 1)
    return facts | {"pushed": _upload(path, push)}


def _upload(path: Path, name: str) -> str:
    """Upload a folder to a repository, which is made where there is none; return the address of the commit.

    Raises:
        InputError: it cannot be uploaded, or the repository holds something else than this generator.
    """
    api = hub.client().HfApi(library_name="lienzo")
    errors = hub.client().errors
    try:
        _refuse_others(api, path, name)
        api.create_repo(name, exist_ok=True)
        commit = api.upload_folder(repo_id=name, folder_path=path, commit_message="Upload by lienzo")
    except (errors.HFValidationError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} cannot be uploaded to ({_first(error)}): write --push USER/NAME.") from None
    except Exception as error:
        expected = (errors.HfHubHTTPError, errors.LocalTokenNotFoundError, errors.OfflineModeIsEnabled, OSError)
        of_the_network = type(error).__module__.startswith("httpx")  # the library under huggingface_hub
        if not (isinstance(error, expected) or of_the_network):
            raise
        raise InputError(
            f"the upload to {name} failed ({_first(error)}): log in with hf auth login, and run the same command again."
        ) from None
    return f"hf://{name}@{commit.oid}"


def _refuse_others(api: Any, path: Path, name: str) -> None:
    """Refuse a repository that holds other files than those of a folder, or something else than a generator.

    Raises:
        InputError: it does.
    """
    try:
        found = api.model_info(name, files_metadata=True).siblings or ()
    except hub.client().errors.RepositoryNotFoundError:
        return
    there = {sibling.rfilename: sibling for sibling in found if sibling.rfilename != ".gitattributes"}
    if there and hub.FILE not in there:
        raise InputError(f"{name} holds something else than a generator of lienzo's: name another repository.")
    for file in sorted(path.iterdir()):
        if file.name in there and not _is_same(file, there[file.name]):
            raise InputError(
                f"{name} has another {file.name}, which would be replaced: name another repository, or delete the "
                "files of that one first."
            )


def _is_same(file: Path, there: Any) -> bool:
    """Say whether a file on the Hub has the same bytes, by the SHA-256 of large ones and by Git's hash of others."""
    if there.lfs:
        return bool(there.lfs.sha256 == sha256(file))
    data = file.read_bytes()
    return bool(there.blob_id == hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest())


def _first(error: Exception) -> str:
    """Return the first line of an error."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
