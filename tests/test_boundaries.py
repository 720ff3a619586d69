"""Who may import whom, and which vendor lives where, from one table each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from rag.english import lexicon

ROOT = Path(__file__).parent.parent
COMMON = {
    "rag.types",
    "rag.errors",
    "rag.config",
    "rag.english",
    "rag.scores",
    "rag.validation",
    "rag.system",
}

# The longest matching prefix counts. A package admits its own modules.
MAY_IMPORT: dict[str, set[str]] = {
    "rag.system": {"rag.errors"},
    "rag.system.address": set(),
    "rag.errors": {"rag.system.address"},
    "rag.types": {"rag.errors", "rag.system.address"},
    "rag.english": set(),
    "rag.scores": set(),
    "rag.config": {"rag.errors", "rag.system"},
    "rag.validation": {"rag.types", "rag.errors", "rag.config", "rag.english"},
    "rag.store": COMMON,
    "rag.models": COMMON,
    "rag.question": COMMON,
    "rag.retrieval": COMMON | {"rag.store", "rag.models"},
    "rag.answer": COMMON | {"rag.question"},
    # A checker that nobody gave a judge takes the bundled one.
    "rag.answer.check": COMMON | {"rag.question", "rag.answer", "rag.models.judge"},
    "rag.training": COMMON | {"rag.models"},
    # A short answer is trained on as the statement that the product makes of it.
    "rag.training.pairs": COMMON | {"rag.models", "rag.training", "rag.question.parts"},
    "rag.people": COMMON,
    "rag.doctor": COMMON | {"rag.store", "rag.models"},
    "rag.collection": COMMON | {"rag.retrieval", "rag.models", "rag.store"},
    "rag.assistant": COMMON | {"rag.collection", "rag.answer", "rag.question"},
    "rag.opening": COMMON
    | {"rag.assistant", "rag.collection", "rag.answer", "rag.models", "rag.retrieval", "ingest"},
    "rag.llamaindex": COMMON | {"rag.assistant"},
    "rag.surfaces": COMMON | {"rag.assistant", "rag.collection", "rag.people"},
    "rag": {"rag.types", "rag.errors", "rag.config", "rag.assistant", "rag.opening"},
    "ingest.formats": COMMON,
    "ingest.web": COMMON | {"ingest.formats", "rag.store"},
    "ingest.scan": COMMON | {"ingest.formats", "ingest.web", "rag.store"},
    "ingest": COMMON | {"rag.store", "rag.models"},
    "eval": COMMON | {"rag", "ingest"},
    "eval.reading": COMMON | {"rag.models"},
    "eval.bench": COMMON
    | {
        "rag",
        "rag.answer",
        "rag.assistant",
        "rag.doctor",
        "rag.models",
        "rag.opening",
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
    "openvino": {"rag.models.engine", "rag.models.local"},
    "openvino_genai": {"rag.models.local"},
    "gguf": {"rag.models.requantise"},
    "tokenizers": {"rag.models.encoder", "rag.models.network", "rag.training.judge", "rag.training.train"},
    "llama_index": {"rag.models.language", "rag.llamaindex", "ingest.split"},
    "gradio": {"rag.surfaces.page.gradio_import"},
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
        "rag.surfaces.api.examples",
        "rag.surfaces.api.health",
        "rag.surfaces.api.jobs",
        "rag.surfaces.api.login",
        "rag.surfaces.api.model",
        "rag.surfaces.api.routes",
        "rag.surfaces.api.server",
        "rag.surfaces.api.uploads",
        "rag.surfaces.page",
    },
    "pydantic": {
        "rag.surfaces.api.conversations",
        "rag.surfaces.api.examples",
        "rag.surfaces.api.jobs",
        "rag.surfaces.api.mcp",
        "rag.surfaces.api.model",
        "rag.surfaces.api.results",
        "rag.surfaces.api.schemas",
    },
    "uvicorn": {"rag.surfaces.api.server"},
    "mcp": {"rag.surfaces.api.mcp", "rag.surfaces.api.stdio"},
    "sentencex": {"rag.english.sentences"},
    "markdown_it": {"rag.answer.markdown"},
    "snowballstemmer": {"rag.english.normalise"},
    "charset_normalizer": {"ingest.formats.clean"},
    "filelock": {
        "ingest.collection",
        "rag.store.chroma_folder",
        "rag.store.vectors",
        "rag.surfaces.upload_folder",
        "rag.surfaces.uploads",
    },
    "python_multipart": {"rag.surfaces.upload_form"},
    "httpx": {
        "rag.models.language",
        "rag.system.connection",
        "rag.store.chroma_server",
        "ingest.web.address",
        "ingest.web.body",
        "ingest.web.door",
        "ingest.web.fetch",
    },
    "httpcore": {"ingest.web.door", "ingest.web.fetch"},
    "protego": {"ingest.web.fetch"},
    "feedparser": {"ingest.formats.feeds"},
    "trafilatura": {"ingest.formats.html"},
    "pdfminer": {"ingest.formats.pdf.letters"},
    "docx": {"ingest.formats.docx"},
    "dateparser": {"ingest.formats.dates"},
    "py3langid": {"ingest.languages"},
    "rensa": {"ingest.duplicates"},
    "yaml": {"ingest.formats.texts"},
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


@cache  # every vendor asks for every file
def imports(path: Path) -> set[str]:
    """The modules a file imports: `from rag import types` is rag.types, `from rag import ask` is rag."""
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
    source = (ROOT / "rag" / "opening.py").read_text(encoding="utf-8")
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


# --- one list, one home ----------------------------------------------------------------------------------------

LEXICON = "rag.english.lexicon"
# Class names of pages, which happen to be words.
NOT_ENGLISH = {"ingest.formats.html"}
LISTED: dict[str, set[str]] = {
    "months": set(lexicon.MONTHS) | set(lexicon.SHORT_MONTHS),
    "weekdays": set(lexicon.WEEKDAYS) | set(lexicon.SHORT_WEEKDAYS),
    "negations": set(lexicon.NEGATIONS),
    "speech verbs": set(lexicon.forms(lexicon.SPEECH_VERBS)),
}
AT_LEAST = 4  # words of a list that make another list of it


def listed_words(tree: ast.Module) -> Iterator[set[str]]:
    """The words of each literal collection, and of each text that is split into words or matches one of several."""
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Set | ast.List | ast.Tuple):
            yield {
                e.value.lower() for e in node.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)
            }
        elif isinstance(node, ast.Dict):
            yield {
                k.value.lower() for k in node.keys if isinstance(k, ast.Constant) and isinstance(k.value, str)
            }
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "split"
        ):
            if isinstance(node.func.value, ast.Constant) and isinstance(node.func.value.value, str):
                yield set(re.findall(r"[a-z']+", node.func.value.value.lower()))
        elif isinstance(node, ast.JoinedStr):
            said = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
            yield from alternations(said)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield from alternations(node.value)


def alternations(pattern: str) -> Iterator[set[str]]:
    """The words of a regular expression's alternatives: "sa(?:id|ys)" are "said" and "says"."""
    if pattern.count("|") < AT_LEAST - 1:
        return
    found = set(re.findall(r"(?<![a-z\\\\])[a-z']+(?![a-z])", pattern.lower()))
    for stem, endings in re.findall(r"([a-z]+)\(\?:([a-z|\[\]]+)\)", pattern.lower()):
        found |= {stem + ending for ending in endings.split("|")}
    yield found


def second_lists() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, path in modules():
        if name in {LEXICON, "app", *NOT_ENGLISH}:
            continue
        for words in listed_words(ast.parse(path.read_text(encoding="utf-8"))):
            for kind, listed in LISTED.items():
                if len(words & listed) >= AT_LEAST:
                    found.setdefault(name, set()).add(kind)
    return found


def test_there_is_one_calendar_one_list_of_denials_and_one_of_verbs_of_speech() -> None:
    assert second_lists() == {}


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ('A = "monday tuesday wednesday thursday".split()', {"weekdays"}),
        ('A = re.compile(r"\\b(?:january|february|march|april)\\b")', {"months"}),
        ('A = {"no", "not", "never", "none"}', {"negations"}),
        ('A = re.compile(r"(?:sa(?:id|ys)|told|claim(?:s|ed)?|warned)")', {"speech verbs"}),
        ('"""He said, she told, they warned, we claim | | | |"""', set()),
        ('A = "no not never"', set()),
    ],
)
def test_a_second_list_is_seen_however_it_is_written(source: str, kinds: set[str]) -> None:
    found = {
        kind
        for words in listed_words(ast.parse(source))
        for kind, listed in LISTED.items()
        if len(words & listed) >= AT_LEAST
    }
    assert found == kinds
