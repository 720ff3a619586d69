"""Gradio, imported in a third of the time that its own import takes.

For each class of component Gradio reads a source file, parses it, and rewrites a type stub (`*.pyi`) beside
it, each time it is imported: two seconds of a server's start, and files written where Gradio is installed.
Its wheel brings these stubs, and only editors read them. Here the package is imported without that step.
"""

from __future__ import annotations

import importlib.util
import sys

__all__ = ["gr"]


def _import_without_stubs() -> None:
    """Import Gradio's package with the writer of stubs replaced. Nothing happens where there is no Gradio, or
    where it has been imported already."""
    spec = None if "gradio" in sys.modules else importlib.util.find_spec("gradio")
    if spec is None or spec.loader is None:
        return
    # The components are made while the package is imported. So the module with the writer is imported first,
    # into a package that is still empty.
    package = sys.modules["gradio"] = importlib.util.module_from_spec(spec)
    try:
        from gradio import component_meta

        component_meta.create_or_modify_pyi = lambda *_: None
        spec.loader.exec_module(package)
    except BaseException:
        del sys.modules["gradio"]  # half of it would be taken for the whole
        raise


_import_without_stubs()

import gradio as gr  # noqa: E402  the rest of the page takes it from here
