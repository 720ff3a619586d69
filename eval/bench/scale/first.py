"""A first answer, step by step, in a process that has done nothing else: `python -m eval.bench.scale.first
HOME QUESTION` prints milliseconds as JSON. Packages are imported one after the other before anything is
opened, so that each step is without them; nothing that needs one is imported at the top."""

from __future__ import annotations

import importlib
import json
import sys
import time

_PACKAGES = ("numpy", "sqlalchemy", "tantivy", "openvino", "tokenizers", "numkong")  # what an answer needs


def main(home: str, question: str) -> None:
    found: dict[str, float] = {}
    began = time.perf_counter()

    def step(name: str) -> None:
        nonlocal began
        now = time.perf_counter()
        found[name] = (now - began) * 1000
        began = now

    for package in _PACKAGES:
        importlib.import_module(package)
        step(f"import {package}")
    from rag.config import Config
    from rag.models.encoder import SentenceEncoder
    from rag.models.reader import SpanReader
    from rag.opening import open_assistant

    step("import the rest")
    config = Config(home=home)  # type: ignore[arg-type]
    encoder, reader = SentenceEncoder(config.encoder), SpanReader()
    assistant = open_assistant(config, encoder=encoder, reader=reader)
    step("open the collection")
    encoder.question("warm")
    step("load the encoder")
    reader.read("warm", ["warm"])
    step("load the reader")
    answer = assistant.ask(question)
    took = dict(answer.trace.milliseconds)
    found["retrieve"] = took.pop("retrieve", 0.0)
    found["read"] = took.pop("read", 0.0)
    found["compare, draft, check"] = sum(took.values())
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
