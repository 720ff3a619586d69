"""The settings of the language model on the page, and the choice to leave the model out of an answer.

The server's routes (`rag.surfaces.api.model`) decide what may be set, and by whom; model.js calls them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rag.config import ModelSettings
from rag.surfaces.library import Library
from rag.surfaces.model_choice import model_name
from rag.surfaces.page.articles import QUIETLY
from rag.surfaces.page.gradio_import import gr

if TYPE_CHECKING:
    from rag.surfaces.api.access import AdminRights

__all__ = ["ModelPanel", "wording_options"]

# `data-for` names the providers that need a field. Hidden until the server has said what is set.
_PANEL = """
<section id="model-settings" aria-label="Language model" hidden>
<details><summary>Language model</summary>
  <p class="fixed" hidden></p>
  <form>
    <label for="model-provider">Answers are worded by</label>
    <select id="model-provider">
      <option value="none">None: the articles answer by themselves</option>
      <option value="smollm2">Small model on this machine (SmolLM2)</option>
      <option value="file">Model file on this machine</option>
      <option value="ollama">Ollama</option>
      <option value="openai">OpenAI</option>
      <option value="anthropic">Anthropic</option>
      <option value="openai-like">Another server (OpenAI-compatible)</option>
    </select>
    <div data-for="file"><label for="model-file">Model file</label><select id="model-file"></select>
      <p class="hint"></p></div>
    <div data-for="ollama openai anthropic openai-like"><label for="model-url">Address</label>
      <input id="model-url" maxlength="2000" spellcheck="false" autocomplete="off"></div>
    <div data-for="ollama openai anthropic openai-like"><label for="model-name">Model name</label>
      <input id="model-name" maxlength="500" spellcheck="false" autocomplete="off"></div>
    <div data-for="ollama openai anthropic openai-like"><label for="model-key">Key</label>
      <input id="model-key" type="password" maxlength="10000" autocomplete="off"
        aria-describedby="model-stored">
      <div id="model-stored" hidden>A key is stored.
        <label><input type="checkbox" id="model-no-key"> Remove it</label></div></div>
    <details class="more" data-for="smollm2 file ollama openai anthropic openai-like"><summary>More</summary>
      <label for="model-timeout">Time limit (seconds)</label>
      <input id="model-timeout" type="number" min="1" max="3600" step="any">
      <label for="model-window">Window (tokens that the model reads)</label>
      <input id="model-window" type="number" min="1024" step="1">
      <p class="hint"></p></details>
    <div class="row"><button id="model-save">Save</button>
      <button type="button" id="model-test" data-act="model-test">Test</button>
      <button type="button" id="model-remove" data-act="model-remove" hidden>Remove</button></div>
  </form>
  <p id="model-status" role="status"></p>
</details>
</section>
"""
_ON_LOAD = """
window.clippingsModelSaved = () => trigger('saved');
(async () => {
  while (!window.clippings) await new Promise((done) => setTimeout(done, 20));
  clippings.openModelSettings();
})();
"""


class ModelPanel:
    """The settings of the language model, in the sidebar."""

    def __init__(self, library: Library, rights: AdminRights) -> None:
        self._library, self._rights = library, rights

    def draw(self) -> None:
        self.panel = gr.HTML(html_template=_PANEL, js_on_load=_ON_LOAD, elem_id="model-panel", visible=False)

    def shown_to(self, owner: str) -> gr.HTML:
        """The panel, visible for an owner who may set the model."""
        may = self._library.model_choice is not None and self._rights.objection(owner) is None
        return gr.HTML(visible=may)

    def wire(self, wording: gr.Radio) -> None:
        """`wording` offers the model that was saved, without a reload."""
        self.panel.saved(
            lambda: gr.Radio(interactive=True, **wording_options(self._library.model)),
            None,
            wording,
            **QUIETLY,
        )


def wording_options(settings: ModelSettings) -> dict[str, Any]:
    """What is offered under “Answer with”, and whether there is anything to choose."""
    model = (f"{model_name(settings)} (checked)", "model")
    return {"choices": [model, ("Quotes from the articles", "articles")], "visible": settings.configured}
