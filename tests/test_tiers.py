"""The guard of the fast tier: what it leaves out, and that it catches each thing that a fast test does not do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CONFTEST = """
from tiers import FastTier

def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true")

def pytest_configure(config):
    if config.getoption("--fast"):
        config.pluginmanager.register(FastTier())
"""
TESTS = """
import contextlib, os, socket, subprocess, sys
import pytest

@contextlib.contextmanager
def swallowed():
    with contextlib.suppress(Exception):
        yield

def test_pure():
    assert 1 + 1 == 2

def test_an_event_loop():
    import asyncio
    asyncio.run(asyncio.sleep(0))

def test_git():
    subprocess.run(["git", "--version"], check=True)

def test_connects():
    with swallowed(), socket.socket() as s:
        s.connect(("127.0.0.1", 9))

def test_listens():
    with swallowed(), socket.socket() as s:
        s.bind(("127.0.0.1", 0))

def test_looks_up():
    with swallowed():
        socket.getaddrinfo("localhost", 80)

def test_starts_a_process():
    with swallowed():
        subprocess.run([sys.executable, "-c", "pass"])

def test_starts_chromium():
    with swallowed():
        subprocess.Popen(["chromium", "--headless"])

def test_forks():
    with swallowed():
        if os.fork() == 0:
            os._exit(0)

def test_imports_an_engine():
    with swallowed():
        import openvino

def test_reads_weights(tmp_path):
    with swallowed():
        open(tmp_path / "reader.safetensors", "rb")

@pytest.fixture
def server():
    with swallowed(), socket.socket() as s:
        s.bind(("127.0.0.1", 0))

def test_has_a_server(server):
    pass

@pytest.mark.slow
def test_marked_slow():
    subprocess.run([sys.executable, "-c", "pass"], check=True)

@pytest.mark.server
def test_marked_server():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))

@pytest.mark.browser
def test_marked_browser():
    pass
"""
CAUGHT = {
    "test_connects": "opens a socket to ('127.0.0.1', 9)",
    "test_listens": "opens a socket to ('127.0.0.1', 0)",
    "test_looks_up": "looks up localhost",
    "test_starts_a_process": f"starts a process, {sys.executable} -c pass",
    "test_starts_chromium": "starts a process, chromium --headless",
    "test_forks": "starts a process, os.fork",
    "test_imports_an_engine": "imports openvino",
    "test_reads_weights": "loads a model, reader.safetensors",
    "test_has_a_server": "opens a socket to ('127.0.0.1', 0)",
}


WHOLE = """
import pytest

pytestmark = [pytest.mark.server, pytest.mark.slow]
raise ImportError("this file was opened")
"""


def told(folder: Path, *options: str) -> str:
    """What a run of the tests above prints."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_some.py").write_text(TESTS)
    shutil.copy(Path(__file__).with_name("tiers.py"), folder)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  slow: s\n  server: s\n  browser: b\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--tb=short", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout


def test_whatever_reaches_out_of_the_process_fails_in_the_fast_tier(tmp_path: Path) -> None:
    report = told(tmp_path, "--fast")
    assert "3 deselected" in report
    lines = report.splitlines()
    passed = {line.rpartition("::")[2] for line in lines if line.startswith("PASSED")}
    assert passed == {"test_pure", "test_an_event_loop", "test_git"}
    broken = {
        line.split("::")[1].split(" - ")[0]: line
        for line in lines
        if line.startswith(("FAILED", "ERROR test"))
    }
    assert broken.keys() == CAUGHT.keys()
    wrong = {
        name for name, act in CAUGHT.items() if f"this test {act}, which the fast tier does not" not in report
    }
    assert wrong == set()


def test_without_the_option_nothing_is_left_out_or_refused(tmp_path: Path) -> None:
    report = told(tmp_path)
    assert "15 passed" in report
    assert "deselected" not in report


def test_a_file_that_is_marked_as_a_whole_is_not_even_imported(tmp_path: Path) -> None:
    (tmp_path / "test_whole.py").write_text(WHOLE)
    assert "this file was opened" not in told(tmp_path, "--fast")
    assert "this file was opened" in told(tmp_path)
