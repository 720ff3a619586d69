"""What each library would do unasked, and that it is kept from it: through the table of `rag/system/telemetry`,
in processes of their own.
"""

from __future__ import annotations

import ast
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_boundaries import imports, modules, within

from rag.system.telemetry import VENDORS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
# What holds of a library once `disable_telemetry` was called and it is imported. What the table has no switch for is held
# by the tests named.
PROOF = {
    "openvino": "import openvino, openvino.tools.ovc.telemetry_utils as t; print(t.tm.__name__ == 'openvino.tools.ovc.telemetry_stub')",
    "chromadb": "from rag.store.chroma import client_settings; s = client_settings(); "
    "print((s.anonymized_telemetry, s.chroma_otel_granularity, s.chroma_otel_collection_endpoint) == (False, "
    "'none', ''))",
    "gradio": "import sys; opened = []; sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None); "
    "import rag.surfaces.page, gradio.analytics as a; "
    "print(a.analytics_enabled() is False and [path for path in opened if path.endswith('.pyi')] == [])",
    "huggingface-hub": "import huggingface_hub.constants as c; print(c.HF_HUB_DISABLE_TELEMETRY)",
    "transformers": "from transformers.utils.import_utils import is_env_variable_true as t; print(t('DISABLE_SAFETENSORS_CONVERSION'))",
}
HELD = {
    "sentence-transformers": "test_of_a_model_in_a_folder_no_hub_is_asked",
    "fastapi": "test_pages_for_programmers_load_nothing_from_elsewhere",
    "llama-index-core": "test_a_command_reaches_and_writes_what_it_was_asked_to_and_nothing_else",
    "openai": "test_the_client_says_nothing_of_this_machine",
    "ollama": "test_the_client_says_nothing_of_this_machine",
    "matplotlib": "test_the_page_is_served_and_answers_and_reaches_nobody",
}
# The names by which the libraries with a switch are imported, or the libraries that import them.
SWITCHED = ("openvino", "chromadb", "gradio", "huggingface_hub", "transformers", "sentence_transformers")


def ran(program: str, home: Path, **environ: str) -> str:
    home.mkdir(exist_ok=True)
    settled = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        **environ,
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=home, env=settled, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_the_table_speaks_of_the_installed_version(vendor) -> None:
    installed = importlib.metadata.version(vendor.name).partition("+")[0]
    assert installed == vendor.version, (
        f"read {vendor.name} {installed} for what it sends unasked, and correct rag/system/telemetry.py"
    )


def test_the_table_and_its_proofs_speak_of_the_same_libraries() -> None:
    assert {vendor.name for vendor in VENDORS} == PROOF.keys() | HELD.keys()
    assert {
        vendor.name for vendor in VENDORS if vendor.variables or vendor.flags or vendor.blocked
    } == PROOF.keys()
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [test for test in HELD.values() if f"def {test}(" not in tests] == []


def test_each_switch_is_off_whatever_the_environment_says(tmp_path: Path) -> None:
    against = {"GRADIO_ANALYTICS_ENABLED": "True", "HF_HUB_DISABLE_TELEMETRY": "0", "DISABLE_SAFETENSORS_CONVERSION": "false",
               "ANONYMIZED_TELEMETRY": "True", "CHROMA_OTEL_GRANULARITY": "all", "CHROMA_OTEL_COLLECTION_ENDPOINT": "http://192.0.2.1"}  # fmt: skip
    program = "\n".join(
        ["from rag.system.telemetry import disable_telemetry", "disable_telemetry()", *PROOF.values()]
    )
    assert ran(program, tmp_path / "home", **against).splitlines() == ["True"] * len(PROOF)
    assert list((tmp_path / "home").iterdir()) == []


def test_a_consent_given_to_openvino_elsewhere_is_neither_used_nor_changed(tmp_path: Path) -> None:
    kept = tmp_path / "home" / "intel" / "openvino_telemetry"
    kept.parent.mkdir(parents=True)
    kept.write_text("1", encoding="utf-8")
    ran("from rag.models.engine import prepare; prepare()", tmp_path / "home")
    assert [path.relative_to(tmp_path / "home").as_posix() for path in (tmp_path / "home").rglob("*")] == [
        "intel", "intel/openvino_telemetry",
    ]  # fmt: skip
    assert kept.read_text(encoding="utf-8") == "1"


def test_a_library_that_was_imported_before_us_is_quiet_from_then_on(tmp_path: Path) -> None:
    program = "import huggingface_hub.constants as c; before = c.HF_HUB_DISABLE_TELEMETRY; import rag.models.encoder; print(before, c.HF_HUB_DISABLE_TELEMETRY)"
    assert ran(program, tmp_path / "home") == "False True"


def test_a_child_process_is_quiet_too(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, rag.models.encoder; "
        "child = 'import huggingface_hub.constants as c; print(c.HF_HUB_DISABLE_TELEMETRY)'; "
        "print(subprocess.run([sys.executable, '-c', child], capture_output=True, text=True).stdout.strip())"
    )
    assert ran(program, tmp_path / "home") == "True"


def disables_telemetry(path: Path) -> bool:
    """Whether a module calls `disable_telemetry()` as it is imported."""
    called = [node.value.func for node in ast.parse(path.read_text(encoding="utf-8")).body
              if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]  # fmt: skip
    return any(isinstance(func, ast.Name) and func.id == "disable_telemetry" for func in called)


KNOWN = dict(modules())
HOMES = {
    name: path
    for name, path in KNOWN.items()
    if any(within(found, vendor) for found in imports(path) for vendor in SWITCHED)
}


@pytest.mark.parametrize("name", HOMES)
def test_a_librarys_home_is_quiet_before_it_is_imported(name: str) -> None:
    parts = name.split(".")
    above = [
        KNOWN[parent] for count in range(len(parts), 0, -1) if (parent := ".".join(parts[:count])) in KNOWN
    ]
    asked = [KNOWN[module] for module in imports(HOMES[name]) if module in KNOWN]
    assert any(disables_telemetry(path) for path in [*above, *asked])
    own = ast.parse(HOMES[name].read_text(encoding="utf-8")).body
    first = [node for node in own if isinstance(node, (ast.Import, ast.ImportFrom))]
    early = {
        alias.name.partition(".")[0] for node in first if isinstance(node, ast.Import) for alias in node.names
    }
    early |= {(node.module or "").partition(".")[0] for node in first if isinstance(node, ast.ImportFrom)}
    # At the head of a module none of them may stand, except where the package's own head has been quiet
    # before.
    assert not early & set(SWITCHED) or any(disables_telemetry(path) for path in above[1:])
