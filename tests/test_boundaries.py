"""Who may import whom, and which vendor lives where, from one table each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMMON = {"rag.types", "rag.errors", "rag.config", "rag.english", "rag.validation", "rag.system"}

# The longest matching prefix counts. A package admits its own modules.
MAY_IMPORT: dict[str, set[str]] = {
    "rag.system": {"rag.errors"},
    "rag.system.address": set(),
    "rag.errors": {"rag.system.address"},
    "rag.types": {"rag.system.address"},
    "rag.english": {"rag.types"},
    "rag.config": {"rag.errors", "rag.system"},
    "rag.validation": {"rag.types", "rag.errors", "rag.config", "rag.english"},
    "rag.store": COMMON,
    "rag.models": COMMON,
    "rag.question": COMMON,
    "rag.retrieval": COMMON | {"rag.store", "rag.models"},
    "rag.answer": COMMON | {"rag.question"},
    "rag.training": COMMON | {"rag.models"},
    "rag.people": COMMON,
    "rag.doctor": COMMON | {"rag.store", "rag.models"},
    "rag.assistant": COMMON
    | {"rag", "rag.answer", "rag.question", "rag.retrieval", "rag.models", "rag.store", "ingest"},
    "rag.llamaindex": COMMON | {"rag.assistant"},
    "rag.surfaces": COMMON | {"rag.assistant", "rag.people"},
    "rag": {"rag.types", "rag.errors", "rag.config", "rag.assistant"},
    "ingest": COMMON | {"rag.store", "rag.models"},
    "eval": COMMON | {"rag", "ingest"},
    "eval.bench": COMMON
    | {
        "rag",
        "rag.answer",
        "rag.assistant",
        "rag.doctor",
        "rag.models",
        "rag.question",
        "rag.retrieval",
        "rag.store",
    }
    | {"rag.training", "ingest", "eval"},
    "app": {"rag", "ingest", "eval"},
}
VENDOR_HOMES: dict[str, set[str]] = {
    "chromadb": {
        "rag.store.chroma",
        "rag.store.chroma_folder",
        "rag.store.chroma_server",
        "rag.store.vectors",
    },
    "numkong": {"rag.store.matrix"},
    "tantivy": {"rag.store.bm25"},
    "sentence_transformers": {"rag.models.encoder"},
    "openvino": {"rag.models.engine"},
    "tokenizers": {"rag.models.encoder", "rag.models.reader", "rag.training.train"},
    "llama_index": {"rag.models.language", "rag.llamaindex", "ingest.split"},
    "gradio": {"rag.surfaces.page", "rag.surfaces.page.articles", "rag.surfaces.page.look"},
    "sqlalchemy": {
        "rag.store.catalog",
        "rag.store.passages",
        "rag.store.reading",
        "rag.store.schema",
        "rag.people.database",
    },
    "argon2": {"rag.people.accounts"},
    "fastapi": {
        "rag.surfaces.api.application",
        "rag.surfaces.api.conversations",
        "rag.surfaces.api.errors",
        "rag.surfaces.api.health",
        "rag.surfaces.api.jobs",
        "rag.surfaces.api.login",
        "rag.surfaces.api.routes",
        "rag.surfaces.api.server",
        "rag.surfaces.api.uploads",
    },
    "pydantic": {
        "rag.surfaces.api.conversations",
        "rag.surfaces.api.jobs",
        "rag.surfaces.api.mcp",
        "rag.surfaces.api.schemas",
    },
    "uvicorn": {"rag.surfaces.api.server"},
    "mcp": {"rag.surfaces.api.mcp"},
    "sentencex": {"rag.english.text"},
    "snowballstemmer": {"rag.english.text"},
    "charset_normalizer": {"ingest.clean"},
    "filelock": {
        "ingest.collection",
        "rag.store.chroma_folder",
        "rag.store.vectors",
        "rag.surfaces.upload_folder",
        "rag.surfaces.uploads",
    },
    "python_multipart": {"rag.surfaces.uploads"},
    "httpx": {"rag.models.language", "rag.system.connection", "rag.store.chroma_server", "ingest.fetch"},
    "httpcore": {"ingest.fetch"},
    "protego": {"ingest.fetch"},
    "feedparser": {"ingest.feeds"},
    "trafilatura": {"ingest.formats.html"},
    "pdfminer": {"ingest.formats.pdf"},
    "docx": {"ingest.formats.docx"},
    "dateparser": {"ingest.dates"},
    "py3langid": {"ingest.languages"},
    "rensa": {"ingest.duplicates"},
    "yaml": {"ingest.texts"},
    "tqdm": {"rag.surfaces.cli"},
}
# Benchmarks run the vendors side by side, by their own names.
BENCHES = "eval.bench"


def modules() -> Iterator[tuple[str, Path]]:
    for top in ("rag", "ingest", "eval"):
        for path in sorted((ROOT / top).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path
    yield "app", ROOT / "app.py"


def imports(path: Path) -> set[str]:
    """The modules a file imports: `from rag import text` is rag.english.text, `from rag import ask` is rag."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in KNOWN else node.module)
    return found


def home(name: str) -> str:
    return max((prefix for prefix in MAY_IMPORT if within(name, prefix)), key=len)


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


KNOWN = {name for name, _ in modules()}


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=[name for name, _ in modules()])
def test_a_module_imports_only_what_its_place_allows(name: str, path: Path) -> None:
    place = home(name)

    def allowed(module: str) -> bool:
        if module in {"rag", "rag.__init__"} or place == "rag":  # the package's own names, not all it holds
            return module in MAY_IMPORT[place]
        return within(module, place) or any(
            within(module, a) for a in MAY_IMPORT[place] if a != "rag" or place == "app"
        )

    assert {module for module in imports(path) & KNOWN if not allowed(module)} == set()


@pytest.mark.parametrize("vendor", VENDOR_HOMES)
def test_a_vendor_stays_in_its_home(vendor: str) -> None:
    users = {
        name
        for name, path in modules()
        if any(within(i, vendor) for i in imports(path)) and not within(name, BENCHES)
    }
    assert users == VENDOR_HOMES[vendor]


def test_only_the_demo_collection_is_written_from_the_reading_side() -> None:
    source = (ROOT / "rag" / "assistant.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    writers = [
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and node.module == "ingest"
    ]
    assert writers == ["make_demo"]


def test_passages_and_citations_are_built_in_one_place_each() -> None:
    builders: dict[str, set[str]] = {"Passage": set(), "Citation": set()}
    for name, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in builders:
                builders[node.func.id].add(name)
    assert builders == {"Passage": {"rag.types"}, "Citation": {"rag.answer.check"}}
