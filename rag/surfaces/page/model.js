// The settings of the language model. The server decides who may see and change them; the key never comes back from it.
let modelState = null; // what the server has said last
let modelBusy = false; // while the server works: a disabled button would lose the focus
const modelPart = (name) => $(`#model-${name}`);
const tellModel = (message, kind = 'step') => Object.assign(modelPart('status'), { textContent: message, className: kind });

// The address at which a provider is found without one, and what an address looks like.
const MODEL_ADDRESSES = {
  ollama: 'http://localhost:11434',
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com/v1',
  'openai-like': 'http://localhost:8000/v1 (required)',
};
// Shows only what the provider needs.
const arrangeModel = () => {
  const provider = modelPart('provider').value;
  for (const part of document.querySelectorAll('#model-settings [data-for]')) part.hidden = !part.dataset.for.split(' ').includes(provider);
  modelPart('url').placeholder = MODEL_ADDRESSES[provider] ?? '';
  const same = provider === modelState.provider && modelPart('url').value.trim() === (modelState.url ?? '');
  modelPart('stored').hidden = !(modelState.has_key && same); // a key is for one address
};
const fillModel = (now) => {
  modelState = now;
  const section = $('#model-settings');
  const fixed = now.source === 'configuration';
  section.hidden = false;
  section.querySelector('form').hidden = fixed;
  const note = section.querySelector('.fixed');
  note.hidden = !fixed;
  if (fixed) {
    const what = [now.name ?? now.file ?? 'SmolLM2', now.url && `at ${now.url}`].filter(Boolean).join(' ');
    note.textContent = `Set by the server’s configuration: ${what}. To set it here, remove it there and restart the server.`;
    return;
  }
  modelPart('provider').value = now.provider;
  modelPart('url').value = now.url ?? '';
  modelPart('name').value = now.name ?? '';
  modelPart('key').value = '';
  modelPart('no-key').checked = false;
  modelPart('file').replaceChildren(...now.files.map((name) => new Option(name, name, false, name === now.file)));
  const files = section.querySelector('[data-for="file"] .hint');
  files.textContent = `Files that end in .gguf, in the folder ${now.folder} of the server.`;
  const limits = { timeout: 'timeout', window: 'context_window' };
  for (const [part, name] of Object.entries(limits)) {
    modelPart(part).value = now[name];
    modelPart(part).disabled = now.fixed.includes(name);
  }
  section.querySelector('.more .hint').textContent = now.fixed.length ? 'What cannot be changed is set by the server’s configuration.' : '';
  modelPart('remove').hidden = now.source !== 'page' && !now.fault;
  if (now.fault) tellModel(now.fault, 'abstained');
  arrangeModel();
};
const modelBody = () => {
  const stated = (name) => modelPart(name).value.trim() || null;
  const number = (name) => (modelPart(name).disabled || !modelPart(name).value ? null : Number(modelPart(name).value));
  const removed = !modelPart('stored').hidden && modelPart('no-key').checked;
  return {
    provider: modelPart('provider').value, url: stated('url'), name: stated('name'), file: stated('file'),
    key: stated('key') ?? (removed ? '' : null), timeout: number('timeout'), context_window: number('window'),
  };
};
// One thing at a time; what the server refuses is said under the buttons.
const askModel = (saying, act) => async () => {
  if (modelBusy) return;
  modelBusy = true;
  tellModel(saying);
  try { await act(); } catch (error) { tellModel(error.message, 'abstained'); } finally { modelBusy = false; }
};
const saveModel = askModel('Saving…', async () => {
  const before = modelState;
  fillModel(await asked('PUT', 'api/model', modelBody()));
  const words = modelPart('provider').selectedOptions[0].textContent;
  const who = modelState.name ?? modelState.file ?? words;
  const kept = before.has_key && !modelState.has_key ? ' No key is stored any more.' : '';
  tellModel((modelState.provider === 'none' ? 'Saved. The articles answer by themselves.' : `Saved. Answers are worded by ${who} from now on.`) + kept);
  window.clippingsModelSaved?.();
});
Object.assign(choices, {
  'model-test': askModel('Asking the model…', async () => {
    const { works, message } = await asked('POST', 'api/model/test', modelBody());
    tellModel(message, works ? 'step' : 'abstained');
  }),
  'model-remove': askModel('Removing…', async () => {
    fillModel(await asked('DELETE', 'api/model'));
    tellModel('Removed, with its key. The articles answer by themselves.');
    modelPart('provider').focus(); // the button is gone
    window.clippingsModelSaved?.();
  }),
});
document.addEventListener('submit', (event) => {
  if (!event.target.closest?.('#model-settings')) return;
  event.preventDefault();
  saveModel();
});
for (const kind of ['input', 'change']) {
  document.addEventListener(kind, (event) => { if (event.target.matches?.('#model-provider, #model-url')) arrangeModel(); });
}
window.clippings.openModelSettings = async () => {
  try { fillModel(await asked('GET', 'api/model')); } catch (error) { if (error.status !== 403) tellModel(error.message, 'abstained'); }
};
