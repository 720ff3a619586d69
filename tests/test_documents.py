"""The documents tell the truth: every command, setting and error is in them, and the README's programs run."""

from __future__ import annotations

import argparse
import ast
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields, is_dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import get_type_hints

import pytest

import rag.errors
from rag.config import Config
from rag.surfaces import cli
from rag.types import Abstention

ROOT = Path(__file__).parent.parent
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
FURNITURE = [
    ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "eval/LOG.md")
]
DOCUMENTS = [*FURNITURE, *sorted((ROOT / "docs").glob("*.md"))]


def commands(parser: argparse.ArgumentParser | None = None, before: str = "") -> dict[str, list[str]]:
    """The options of each command by its name, as in "token add"."""
    parser = parser or cli.parser()
    options = [
        o
        for action in parser._actions
        for o in action.option_strings
        if o.startswith("--") and o not in {"--help", "--home"}
    ]
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        return {before.strip(): options}
    return {
        name: found
        for word, sub in inner[0].choices.items()
        for name, found in commands(sub, f"{before} {word}").items()
    }


def test_the_commands_are_found_also_below_others() -> None:
    assert {"serve", "account add", "token revoke"} <= commands().keys()
    assert "--password-stdin" in commands()["account add"]


@pytest.mark.parametrize("command", commands())
def test_every_command_and_option_is_documented(command: str) -> None:
    row = next((line for line in REFERENCE.splitlines() if line.startswith(f"| `clippings {command}")), "")
    assert row
    assert [option for option in commands()[command] if option not in row] == []


@pytest.mark.parametrize("error", rag.errors.__all__)
def test_every_error_is_documented(error: str) -> None:
    assert f"`{error}`" in REFERENCE


def test_every_reason_to_abstain_is_documented() -> None:
    assert [reason.name for reason in Abstention if f"`{reason.name}`" not in REFERENCE] == []


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, int):
        return str(default)
    return f"{default:g}" if isinstance(default, float) else str(default or "")


def test_every_setting_is_documented_with_its_variable_and_default() -> None:
    missing = []
    for name, kind in get_type_hints(Config).items():
        inner = (
            [(f"{name}.{f.name}", f.default) for f in fields(kind)] if is_dataclass(kind) else [(name, None)]
        )
        for setting, default in inner:
            variable = "CLIPPINGS_" + setting.upper().replace(".", "_")
            shown = _shown(default)
            if not re.search(
                rf"\| `{re.escape(setting)}` \| `{variable}` \| [^|]*{re.escape(shown)}", REFERENCE
            ):
                missing.append(setting)
    assert missing == []


def test_every_relative_link_leads_somewhere() -> None:
    dead = []
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            if not (document.parent / target).exists():
                dead.append(f"{document.name}: {target}")
    assert dead == []


@pytest.mark.slow
def test_what_the_help_points_to_is_there() -> None:
    told = subprocess.run(
        [sys.executable, "app.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    named = re.findall(r"\bdocs/[\w/.-]+\w", told)
    assert named == ["docs/reference.md"]
    assert (ROOT / named[0]).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2))
def test_the_readmes_program_runs(number: int, tmp_path: Path) -> None:
    program = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[number]
    environ = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}
    (tmp_path / "seeds").symlink_to(ROOT / "seeds")
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environ, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "Iran" in run.stdout


@pytest.mark.slow
def test_every_target_of_make_is_explained_and_no_other_is_named() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    told = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[1] for line in told.splitlines()} == targets
    assert (
        next(iter(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))) == "install"
    )  # what `make` alone does
    named = {
        (document.name, target)
        for document in DOCUMENTS
        for words in re.findall(
            r"(?:`|^    )make ((?:[a-z-]+ ?)+)", document.read_text(encoding="utf-8"), re.MULTILINE
        )
        for target in words.split()
    }
    assert ("CONTRIBUTING.md", "test-fast") in named
    assert {(name, target) for name, target in named if target not in targets} == set()


def test_every_module_that_a_document_runs_is_there() -> None:
    named = {
        (document.name, module)
        for document in DOCUMENTS
        if document.name != "CHANGELOG.md"  # it also says what a module was called
        for module in re.findall(
            r"python -m ((?:rag|eval|ingest)[\w.]*)", document.read_text(encoding="utf-8")
        )
    }
    assert ("LOG.md", "eval.bench.news") in named
    assert {(name, module) for name, module in named if find_spec(module) is None} == set()


# The change log and the log of what was tried also name what there was before.
PRESENT = [document for document in DOCUMENTS if document.name not in {"CHANGELOG.md", "LOG.md"}]
PACKAGES = "rag|ingest|eval|tests"


def _is_there(path: str) -> bool:
    return any(ROOT.glob(path.rstrip("/")))


def _is_named(dotted: str) -> bool:
    """Whether a dotted name is a module or package of ours, or stands at the top level of one."""

    def source(parts: list[str]) -> Path | None:
        place = ROOT.joinpath(*parts)
        return next((f for f in (place.with_suffix(".py"), place / "__init__.py") if f.is_file()), None)

    *before, last = dotted.split(".")
    if source([*before, last]):
        return True
    module = source(before)
    if module is None:
        return False
    top = ast.parse(module.read_text(encoding="utf-8")).body
    defined = {node.name for node in top if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assigned = {
        n.id
        for node in top
        for n in ast.walk(node)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    offered = {
        n.value
        for node in top
        if isinstance(node, ast.Assign)
        for n in ast.walk(node)
        if isinstance(n, ast.Constant)
    }
    return last in defined | assigned | offered


@pytest.mark.parametrize("document", PRESENT, ids=lambda document: document.name)
def test_every_place_in_the_code_that_a_document_names_is_there(document: Path) -> None:
    named = re.findall(r"`([^`\n]+)`", document.read_text(encoding="utf-8"))
    paths = [name for name in named if re.fullmatch(rf"(?:{PACKAGES})/[\w./*-]*", name)]
    dotted = [name for name in named if re.fullmatch(rf"(?:{PACKAGES})(?:\.\w+)+", name)]
    assert [path for path in paths if not _is_there(path)] == []
    assert [name for name in dotted if not _is_named(name)] == []


def test_a_place_that_is_not_there_is_seen() -> None:
    assert [
        _is_there(path) for path in ("rag/english/", "rag/store/chroma*.py", "rag/nowhere/", "rag/no.py")
    ] == [
        True,
        True,
        False,
        False,
    ]
    assert [_is_named(name) for name in ("rag.training.data.fold_of", "rag.english", "rag.reader.score")] == [
        True,
        True,
        False,
    ]


def test_the_change_log_has_the_version_that_is_built() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", headings[0])
    assert f"clippings-{version}-py3-none-any.whl" in README


def test_every_dependency_says_why() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    inside = [line for line in lines if re.match(r'\s+"[a-z][\w-]*(?:\[\w+\])?[=<>~]', line)]
    assert len(inside) > 15
    assert [line for line in inside if "#" not in line] == []
