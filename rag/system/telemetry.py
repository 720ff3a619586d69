"""The telemetry of the libraries that Clippings uses, and how each is switched off.

`disable_telemetry` is called before such a library is imported. It sets environment variables of this
process, which child processes inherit, and blocks one module. It writes nothing, and does not change a
consent that the user gave for other programs. `VENDORS` says what each library would do, as read in the named
version. A test compares these versions with the installed ones, so that an update must be reviewed.

These modules do connect, because they were asked to:

- ingest/web/fetch.py: web pages, feeds and robots.txt of addresses that a user names; each connection
  is checked
- rag/models/language.py: the language model of `model.url` or `model.provider`, or the one that was set on
  the page, by the rules of `rag.system.connection`
- rag/models/fetch.py: pip, for the model that `clippings model` fetches; running it connects to nothing
- rag/store/vectors.py: the Chroma server of `chroma.url`, by the same rules
- rag/models/encoder.py: an encoder by name, which sentence-transformers may download from the Hugging Face
  hub; the bundled encoder and models in folders do not connect
- rag/doctor.py: the model and the Chroma server above, through these modules
- app.py serve: listens; the page's libraries connect to nothing
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

__all__ = ["VENDORS", "Vendor", "disable_telemetry"]


@dataclass(frozen=True, slots=True)
class Vendor:
    """One library: the `version` that was reviewed, its `telemetry` (what it sends, fetches or writes
    unasked) and how it is `disabled`.

    `variables` are set in the environment. `flags` are set in modules that were imported already. `blocked`
    modules cannot be imported.
    """

    name: str
    version: str
    telemetry: str
    disabled: str
    variables: tuple[tuple[str, str], ...] = ()
    flags: tuple[tuple[str, str, object], ...] = ()
    blocked: tuple[str, ...] = ()


VENDORS = (
    Vendor(
        "openvino",
        "2026.4.1",
        "sends an event to Google Analytics when it is imported, with its version, the system, a usage count "
        "and a permanent id of the user, which openvino_telemetry stores in ~/intel; only a consent file "
        "there with a 0 stops it",
        "openvino_telemetry cannot be imported, and openvino uses its stub for that case",
        blocked=("openvino_telemetry",),
    ),
    Vendor(
        "chromadb",
        "1.5.9",
        "counts its use (the sender, posthog, is an empty shell in this version); exports traces if "
        "CHROMA_OTEL_* or a .env file in the working folder says so; downloads an embedding model for a "
        "collection without vectors",
        "`Settings` in rag/store/vectors.py disable both, and its collections have no embedding function",
        variables=(("ANONYMIZED_TELEMETRY", "False"),),
    ),
    Vendor(
        "gradio",
        "6.31.0",
        "reports each page and its components to the Hugging Face hub, and asks api.gradio.app for a newer "
        "version; when it is imported, writes type stubs into the folder where it is installed",
        "the variable, and `analytics_enabled=False` for the page; rag/surfaces/page/gradio_import.py "
        "imports it without the stubs",
        variables=(("GRADIO_ANALYTICS_ENABLED", "False"),),
    ),
    Vendor(
        "fastapi",
        "0.165.0",
        "serves /docs and /redoc, where the user's browser loads scripts and fonts from cdn.jsdelivr.net and "
        "others",
        "our application does not have these pages: `docs_url=None, redoc_url=None`",
    ),
    Vendor(
        "huggingface-hub",
        "2.4.0",
        "sends usage counts of its callers, and the names and versions of installed libraries with every "
        "request",
        "its variable",
        variables=(("HF_HUB_DISABLE_TELEMETRY", "1"),),
        flags=(("huggingface_hub.constants", "HF_HUB_DISABLE_TELEMETRY", True),),
    ),
    Vendor(
        "transformers",
        "5.23.0",
        "may open a public pull request on the hub, in the user's name, to convert a loaded model to "
        "safetensors",
        "its variable; and folders are loaded with `local_files_only`",
        variables=(("DISABLE_SAFETENSORS_CONVERSION", "true"),),
    ),
    Vendor(
        "sentence-transformers",
        "6.2.0",
        "asks the hub for a model's files, even for a model in a folder that lacks one of them",
        "`local_files_only` for folders; the bundled encoder is not loaded by it",
    ),
    Vendor(
        "llama-index-core",
        "0.14.25",
        "downloads NLTK's stop words and sentence tokenizer, and tiktoken's vocabulary, for a splitter "
        "without functions of its own for them",
        "the splitter gets our functions",
    ),
    Vendor(
        "openai",
        "2.54.0",
        "sends this machine's system, processor and Python version to the model's server with each request",
        "`rag.system.connection` removes these headers",
    ),
    Vendor(
        "ollama",
        "0.6.3",
        "sends the same to the model's server, and OLLAMA_API_KEY",
        "`rag.system.connection` removes the header; the key goes only to the server that the settings name",
    ),
    Vendor(
        "matplotlib",
        "3.11.2",
        "writes a font cache to ~/.cache/matplotlib, and folders of its own to the home",
        "only the benchmarks' plots import it; rag/surfaces/api/server.py prevents that Gradio imports it",
    ),
)  # fmt: skip


def disable_telemetry() -> None:
    """Disable the telemetry of all `VENDORS`. Call it before the first of them is imported; repeated calls
    are harmless.
    """
    for vendor in VENDORS:
        os.environ.update(vendor.variables)
        for module, name, value in vendor.flags:
            if module in sys.modules:
                setattr(sys.modules[module], name, value)
        for module in vendor.blocked:
            # Python then reports that there is no such module. Code that has imported it already keeps it.
            sys.modules[module] = None  # type: ignore[assignment]
