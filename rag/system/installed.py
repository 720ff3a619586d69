"""How this copy of Clippings was installed, so that messages name a command that works here."""

from __future__ import annotations

from pathlib import Path

__all__ = ["checkout", "how_to_add", "how_to_run", "version"]

_ROOT = Path(__file__).parents[2]  # of the checkout, or the site-packages folder


def checkout(root: Path = _ROOT) -> Path | None:
    """The checkout that this runs from; `None` where it was installed from a wheel."""
    return root if (root / "pyproject.toml").is_file() and (root / "Makefile").is_file() else None


def version() -> str:
    """The version that pyproject.toml gave at the install; `unknown` where there was no install."""
    from importlib import metadata

    try:
        return metadata.version("clippings")
    except metadata.PackageNotFoundError:
        return "unknown"


def how_to_add(extra: str, root: Path = _ROOT) -> str:
    """The command that adds an optional part of the install, such as `pdf`.

    >>> how_to_add("pdf", Path("/usr/lib/python3/site-packages"))
    "pip install 'clippings[pdf]'"
    """
    if checkout(root) is None:
        return f"pip install 'clippings[{extra}]'"
    return f".venv/bin/python -m pip install -c constraints.txt -e '.[{extra}]'"


def how_to_run(command: str, root: Path = _ROOT) -> str:
    """A command of Clippings as it is typed here.

    >>> how_to_run("model", Path("/usr/lib/python3/site-packages"))
    'clippings model'
    """
    return f"clippings {command}" if checkout(root) is None else f".venv/bin/clippings {command}"
