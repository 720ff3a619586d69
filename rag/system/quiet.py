"""What the libraries that Clippings is made of would send or fetch unasked, and what keeps each from it.

`quiet()` is called by each library's home before its import. It sets variables of this process, which its
children inherit, and bars one module; it writes nothing, and leaves alone what a user has consented to
elsewhere. `VENDORS` says what each library would do, as read in the named version: a test holds the installed
versions to these, so that a new one is read anew.

All that does connect, because it was asked to:

    ingest/web/fetch.py     pages, feeds and robots.txt of addresses that a reader names, over connections
    judged one by one rag/models/language.py    the language model that `model.url` or `model.provider` names,
    by the rules of `rag.system.connection` rag/store/vectors.py      the Chroma server that `chroma.url`
    names, by the same rules rag/models/encoder.py           an encoder by name, which sentence-transformers
    may fetch from the Hugging Face hub; the bundled one
                            and folders ask nobody
    rag/doctor.py           the model and the Chroma server above, through these modules
    app.py serve            listens; the page's own libraries connect to nothing
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

__all__ = ["VENDORS", "Vendor", "quiet"]


@dataclass(frozen=True, slots=True)
class Vendor:
    """One library: what it `would` send, fetch or write unasked, as `read` in this version, and what turns it
    `off`.

    `variables` are set, and `flags` (names in a module, where it was imported before us); `barred` modules
    cannot be imported.
    """

    name: str
    read: str
    would: str
    off: str
    variables: tuple[tuple[str, str], ...] = ()
    flags: tuple[tuple[str, str, object], ...] = ()
    barred: tuple[str, ...] = ()


VENDORS = (
    Vendor(
        "openvino",
        "2026.4.1",
        "sends an event to Google Analytics at its import, with its version, the system, how often it was "
        "used and a lasting "
        "number of this user, which openvino_telemetry keeps in ~/intel; only a consent file there with a 0 "
        "stops it",
        "openvino_telemetry cannot be imported, and openvino takes the stub that it has for this case",
        barred=("openvino_telemetry",),
    ),
    Vendor(
        "chromadb",
        "1.5.9",
        "counts its use (the sender, posthog, is an empty shell in this version); exports traces where "
        "CHROMA_OTEL_* or a .env "
        "file of the working folder says so; fetches an embedding model where a collection is given no "
        "vectors",
        "`Settings` in rag/store/vectors.py say no to both, and its collections have no embedding function",
        variables=(("ANONYMIZED_TELEMETRY", "False"),),
    ),
    Vendor(
        "gradio",
        "6.31.0",
        "reports each page and its parts to the Hugging Face hub, and asks api.gradio.app for a newer "
        "version",
        "the variable, and `analytics_enabled=False` of the page",
        variables=(("GRADIO_ANALYTICS_ENABLED", "False"),),
    ),
    Vendor(
        "fastapi",
        "0.165.0",
        "serves /docs and /redoc, on which the reader's browser fetches scripts and fonts from "
        "cdn.jsdelivr.net and others",
        "no app of ours has these two pages: `docs_url=None, redoc_url=None`",
    ),
    Vendor(
        "huggingface-hub",
        "2.4.0",
        "sends what its callers count, and names the libraries at hand with their versions in every request",
        "its variable",
        variables=(("HF_HUB_DISABLE_TELEMETRY", "1"),),
        flags=(("huggingface_hub.constants", "HF_HUB_DISABLE_TELEMETRY", True),),
    ),
    Vendor(
        "transformers",
        "5.23.0",
        "has a model that it loads converted to safetensors, by a public proposal on the hub in the user's "
        "name",
        "its variable; and folders are loaded with `local_files_only`",
        variables=(("DISABLE_SAFETENSORS_CONVERSION", "true"),),
    ),
    Vendor(
        "sentence-transformers",
        "6.2.0",
        "asks the hub for a model's files, also where the model lies in a folder and lacks one of them",
        "`local_files_only` for folders; the bundled encoder is not loaded by it",
    ),
    Vendor(
        "llama-index-core",
        "0.14.25",
        "fetches NLTK's lists of stop words and sentence ends, and tiktoken's vocabulary, where a splitter "
        "is given no "
        "functions of its own for them",
        "the splitter is given ours",
    ),
    Vendor(
        "openai",
        "2.54.0",
        "tells the model's server this machine's system, processor and version of Python with each request",
        "`rag.system.connection` takes these headers off",
    ),
    Vendor(
        "ollama",
        "0.6.3",
        "tells the model's server the same, and hands it OLLAMA_API_KEY",
        "`rag.system.connection` takes the header off; the key goes to the server that was named, and no "
        "further",
    ),
    Vendor(
        "matplotlib",
        "3.11.2",
        "keeps a list of the machine's fonts in ~/.cache/matplotlib, and folders of its own in the home",
        "the benchmarks' plots alone import it; from Gradio, which would, rag/surfaces/api/server.py keeps "
        "it away",
    ),
)  # fmt: skip


def quiet() -> None:
    """Keep every library of `VENDORS` from what it would do unasked. To be called before the first of them is
    imported; again is no harm."""
    for vendor in VENDORS:
        os.environ.update(vendor.variables)
        for module, name, value in vendor.flags:
            if module in sys.modules:
                setattr(sys.modules[module], name, value)
        for module in vendor.barred:
            # Python's own way to say that there is no such module. What has imported it already keeps it.
            sys.modules[module] = None  # type: ignore[assignment]
