"""Datasets on the Hugging Face Hub, streamed. Needs the network; what goes wrong is said with what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rewards.registry import did_you_mean
from srl_data.errors import InputError

__all__ = ["commit", "hub_rows", "is_name", "locate"]

_NAME = re.compile(
    r"(?P<repository>[\w.-]+/[\w.-]+)(?::(?P<first>[\w.-]+))?(?::(?P<second>[\w.+-]+))?(?:@(?P<revision>[\w./-]+))?"
)


def is_name(text: str) -> bool:
    """Whether this is written like ``org/name[:config][:split][@revision]``.

    Example:
        >>> is_name("openai/gsm8k:main:train@main"), is_name("../data/train.jsonl")
        (True, False)
    """
    return _NAME.fullmatch(text) is not None and not text.startswith(".")


def locate(text: str) -> tuple[str, str, str, str | None]:
    """Find out the repository, config, split and revision that ``org/name[:config][:split][@revision]`` means.

    Config and split may be left out where the dataset has only one. One part alone is a config, or else a split.

    Raises:
        InputError: If the dataset, config or split does not exist, several could be meant, or the Hub cannot
            be reached.
    """
    found = _NAME.fullmatch(text)
    if not found:
        raise InputError(f"{text!r} does not name a dataset on the Hub: write org/name[:config][:split][@revision]")
    repository, first, second, revision = found["repository"], found["first"], found["second"], found["revision"]
    with _explained(repository):
        import datasets

        configs = list(datasets.get_dataset_config_names(repository, revision=revision))
        if first and not second and first not in configs:
            first, second = None, first
        config = _choose(repository, "config", configs, first)
        splits = list(datasets.get_dataset_split_names(repository, config, revision=revision))
        split = _choose(f"{repository}:{config}", "split", splits, second)
    return repository, config, split, revision


def hub_rows(path: str) -> Iterator[dict[str, Any]]:
    """The rows of ``repository:config:split[@revision]``.

    Raises:
        InputError: While iterating, if the Hub does not hand them out.
    """
    repository, config, split, revision = _parts(path)
    with _explained(repository):
        import datasets

        rows = datasets.load_dataset(repository, config, split=split, revision=revision, streaming=True)
        yield from rows


def commit(path: str) -> str:
    """The commit that a dataset's revision stands for now.

    Raises:
        InputError: If the Hub does not say.
    """
    repository, _, _, revision = _parts(path)
    with _explained(repository):
        from huggingface_hub import HfApi

        return HfApi().dataset_info(repository, revision=revision).sha or ""


def _parts(path: str) -> tuple[str, str, str, str | None]:
    name, _, revision = path.partition("@")
    repository, config, split = name.split(":")
    return repository, config, split, revision or None


def _choose(of: str, kind: str, names: list[str], wanted: str | None) -> str:
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted in names:
        return str(wanted)
    listing = ", ".join(names)
    if wanted is None:
        raise InputError(f"{of} has several {kind}s, {listing}: name one, for instance {of}:{names[0]}")
    raise InputError(f"{of} has no {kind} {wanted!r}; there are {listing}{did_you_mean(wanted, names)}")


@contextmanager
def _explained(repository: str) -> Iterator[None]:
    """Say what the libraries' many exceptions mean for the user."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        names = {kind.__name__ for kind in type(error).__mro__}
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        if "OfflineModeIsEnabled" in names or _is_offline():
            advice = "the Hub is switched off: unset HF_HUB_OFFLINE, or name a downloaded file"
        elif "GatedRepoError" in names:
            advice = f"ask for access at https://huggingface.co/datasets/{repository}, then `hf auth login`"
        elif names & {"RepositoryNotFoundError", "DatasetNotFoundError", "RevisionNotFoundError"}:
            advice = (
                "check the name (a local file of that name does not exist either); if it is private, `hf auth login`"
            )
        elif names & {"ConnectionError", "ConnectError", "TimeoutException", "Timeout", "LocalEntryNotFoundError"}:
            advice = "the Hub cannot be reached: check the network, or name a downloaded file"
        else:
            advice = "if it goes on, download the files and name them"
        raise InputError(f"cannot read the dataset {repository} from the Hub: {advice} ({reason})") from error


def _is_offline() -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)
