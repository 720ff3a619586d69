"""Ask a collection of articles; every sentence of the answer shows the exact words it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.config import Config
from rag.errors import (
    BusyError,
    ClippingsError,
    CollectionError,
    ConfigError,
    ModelError,
    QuestionError,
    SourceError,
)
from rag.types import (
    Abstention,
    Answer,
    Answerer,
    Article,
    Citation,
    Conflict,
    Encoder,
    Evidence,
    Filters,
    IngestReport,
    LanguageModel,
    Passage,
    Reader,
    Reading,
    Sentence,
    Span,
    Step,
    Support,
    Turn,
)

if TYPE_CHECKING:
    from rag.assistant import Assistant
    from rag.opening import ask, open_assistant

__all__ = [
    "Abstention",
    "Answer",
    "Answerer",
    "Article",
    "Assistant",
    "BusyError",
    "Citation",
    "ClippingsError",
    "CollectionError",
    "Config",
    "ConfigError",
    "Conflict",
    "Encoder",
    "Evidence",
    "Filters",
    "IngestReport",
    "LanguageModel",
    "ModelError",
    "Passage",
    "QuestionError",
    "Reader",
    "Reading",
    "Sentence",
    "SourceError",
    "Span",
    "Step",
    "Support",
    "Turn",
    "ask",
    "open_assistant",
]


def __getattr__(name: str) -> object:
    # The assistant needs SQLAlchemy and numpy; a program that only wants the nouns does not wait for them.
    if name == "Assistant":
        from rag.assistant import Assistant

        return Assistant
    if name in {"ask", "open_assistant"}:
        from rag import opening

        return getattr(opening, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
