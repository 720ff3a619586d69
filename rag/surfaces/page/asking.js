// Conversations: draws what the server stores, sends questions to it, and shows their answers while they are written.
// The server is the source of truth: every change goes there first, and the page shows its response.
const $ = (selector) => document.querySelector(selector);
const HERE = `clippings-tab:${base}`; // the conversation of this tab, for a reload
const talk = { id: '', title: '', exchanges: [] };
let editing = null; // {after, exchange, question}: the question that the next one replaces
let queue = []; // ids of exchanges of this tab that wait for an answer; the first one is being answered
let stream = null; // the AbortController of the current answer
let collection = null; // the selected collection
let poll = null;

const tell = (message, undo) => {
  const box = $('#conversation .told');
  if (!box) return;
  box.hidden = !message;
  box.replaceChildren(message || '');
  if (!undo) return;
  const button = document.createElement('button');
  Object.assign(button, { type: 'button', textContent: 'Undo' });
  button.addEventListener('click', () => { tell(''); guarded(undo)(); });
  box.append(' ', button);
};
// Errors are shown beside the conversation.
const guarded = (act) => async (...given) => {
  try { return await act(...given); } catch (error) { if (error.name !== 'AbortError') tell(error.message); }
};

// Draws a part of the page again. What had the focus, or carries the open citation, is replaced; the one drawn in its place
// takes over, so that somebody at the keyboard stays where they were.
const redraw = (box, drawing) => {
  const stood = [document.activeElement, opened].map((node) => {
    if (!node || node === box || !box.contains(node)) return () => null;
    const place = (it) => it.closest('[data-exchange]')?.dataset.exchange;
    const like = () => [...box.querySelectorAll(node.tagName)].filter((it) => it.textContent === node.textContent && place(it) === home);
    const home = place(node);
    const at = like().indexOf(node);
    return () => (node.isConnected ? node : like()[at] ?? null);
  });
  drawing();
  const [focused, citing] = stood.map((found) => found());
  if (focused && focused !== document.activeElement) focused.focus({ preventScroll: true });
  if (citing && citing !== opened) { opened = citing; citing.classList.add('open'); }
};

const draw = (conversation) => {
  Object.assign(talk, conversation ?? { id: '', title: '', exchanges: [] });
  try { sessionStorage.setItem(HERE, talk.id); } catch { /* no session storage */ }
  const list = $('#conversation .exchanges');
  if (!list) return;
  // Unchanged exchanges are kept: an open timeline stays open, and nothing is read aloud twice.
  const there = new Map([...list.children].map((node) => [node.dataset.exchange, node]));
  const nodes = talk.exchanges.map((exchange) => {
    const known = there.get(exchange.id);
    if (known && known.drawn === exchange.html) return known;
    const made = document.createElement('template');
    made.innerHTML = exchange.html;
    const node = made.content.firstElementChild;
    node.drawn = exchange.html;
    return node;
  });
  redraw(list, () => list.replaceChildren(...nodes));
  $('#conversation .hint').hidden = talk.exchanges.length > 0;
  drawEditing();
  clearTimeout(poll);
  const elsewhere = talk.exchanges.some((exchange) => exchange.state === 'running' && !queue.includes(exchange.id));
  if (elsewhere) poll = setTimeout(guarded(() => openTalk(talk.id)), 1500);
};
const openTalk = async (id) => draw(id ? await asked('GET', `api/conversations/${escaped(id)}`) : null);

const drawEditing = () => {
  const note = $('#conversation .editing');
  note.hidden = !editing;
  note.replaceChildren();
  if (!editing) return;
  const cancel = document.createElement('button');
  Object.assign(cancel, { type: 'button', textContent: 'Cancel' });
  cancel.addEventListener('click', () => { editing = null; fill(''); drawEditing(); });
  note.append(`Editing “${editing.question}”. The earlier version and what followed it are kept. `, cancel);
};
// Fills Gradio's text box as if the user had typed.
const fill = (text) => {
  const box = $('#question textarea');
  box.value = text;
  box.dispatchEvent(new Event('input', { bubbles: true }));
  box.focus();
};

// The box is emptied when the question is sent. If the server cannot store it, the text comes back. Questions are sent one
// after another: the first one creates the conversation of the next one.
let submitting = Promise.resolve();
const submit = (question, ...limits) => {
  if (!question.trim()) return question;
  const wrong = limits.slice(-2).find((day) => day?.trim() && !/^\d{4}-\d\d-\d\d$/.test(day.trim()));
  if (wrong) { tell(`“${wrong}” is not a date like 2024-01-20. Correct it, or leave it empty.`); return question; }
  draft('');
  const place = editing ? { after: editing.after } : null;
  editing = null;
  drawEditing();
  submitting = submitting.then(() => store(question, place, ...limits));
  return '';
};
const store = async (question, place, chosen, wording, sources, after, before) => {
  try {
    const kept = await asked('POST', 'api/exchanges', {
      question, collection: chosen, conversation: talk.id || null, after: talk.exchanges.at(-1)?.id ?? null, ...place,
      sources: sources ?? [], published_from: (after ?? '').trim(), published_to: (before ?? '').trim(),
      use_model: wording !== 'articles',
    });
    begun(kept);
    const beside = kept.conversation.exchanges.at(-1).versions > 1;
    if (!place && beside && !kept.notice) tell('Another tab asked a question here in the meantime. It is the version before this one.');
  } catch (error) {
    tell(error.message);
    if (!$('#question textarea').value) fill(question);
  }
};
const begun = ({ exchange, conversation, notice }) => {
  tell(notice);
  queue.push(exchange);
  draw(conversation);
  hold(exchange);
  guarded(list)();
  if (queue.length === 1) work();
};

// Answers the questions of this tab one after another, since a later one may be a follow-up.
const work = async () => {
  while (queue.length) {
    const id = queue[0];
    try { await follow(id); } catch (error) { if (error.name !== 'AbortError') reply(id, error.message); }
    if (queue[0] === id) queue.shift();
  }
  guarded(list)();
};
const follow = async (id) => {
  reply(id, null, '<p class="step" role="status">answering…</p>');
  working(id);
  stream = new AbortController();
  try {
    const response = await call('POST', `api/exchanges/${escaped(id)}/answer`, undefined, { signal: stream.signal });
    for await (const event of events(response)) { reply(id, null, event.html); working(id); }
  } finally { stream = null; working(null); readModel(); }
  const now = await asked('GET', `api/conversations/${escaped(talk.id)}`);
  if (now.id === talk.id) draw(now);
};
const reply = (id, message, html) => {
  const node = $(`#conversation .exchange[data-exchange="${id}"] .reply`);
  if (!node) return;
  node.closest('.exchange').drawn = null; // it has to be drawn again
  const line = document.createElement('p');
  line.className = 'abstained'; line.textContent = message;
  redraw(node, () => { if (html !== undefined) { node.innerHTML = html; } else node.replaceChildren(line); });
  keepInView();
};
// The step of the question that is being answered, with its seconds. The page counts them: a model may be silent for long.
const doing = { step: '', began: 0, timer: null };
const working = (id) => {
  const line = $('#model .working');
  const step = id && $(`#conversation .exchange[data-exchange="${id}"] .reply .step`)?.textContent.replace(/…$/, '');
  if (!line) return;
  if (step && step !== doing.step) Object.assign(doing, { step, began: performance.now() });
  if (!step) doing.step = '';
  line.hidden = !step;
  clearInterval(doing.timer);
  if (!step) return;
  const count = () => { line.textContent = `${step} … ${Math.floor((performance.now() - doing.began) / 1000)} s`; };
  count();
  doing.timer = setInterval(count, 1000);
};

// Who words the answers just now. The server knows it from the questions so far, so it is read after each answer, when somebody
// is about to ask, and when the pause of a model that could not be reached is over.
let pauseEnds = null;
const readModel = async () => {
  let now;
  try { now = (await asked('GET', 'api/status')).model; } catch { return; } // a question that is asked says what is wrong
  const line = $('#model .wording');
  if (!line) return;
  let text = now?.text ?? '';
  clearTimeout(pauseEnds);
  if (now?.retry_in) {
    // To the next whole minute: a question asked at the time that is shown does try it.
    const at = new Date(Math.ceil((Date.now() + 1000 * now.retry_in) / 60000) * 60000);
    text += ` It is tried again with the first question after ${at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}.`;
    pauseEnds = setTimeout(readModel, 1000 * now.retry_in + 100);
  }
  line.hidden = !text;
  if (line.textContent !== text) line.textContent = text;
};
document.addEventListener('focusin', (event) => { if (event.target.matches?.('#question textarea')) readModel(); });

const stop = guarded(async () => {
  const given = queue;
  queue = [];
  stream?.abort();
  for (const id of given) await asked('POST', `api/exchanges/${escaped(id)}/stop`);
  if (talk.id) await openTalk(talk.id);
});

// The list of conversations.
const list = async () => {
  const { conversations } = await asked('GET', 'api/conversations');
  const rows = conversations.map(({ id, title }) => {
    const row = document.createElement('li');
    const button = document.createElement('button');
    Object.assign(button, { type: 'button', textContent: title });
    Object.assign(button.dataset, { act: 'open', id });
    if (id === talk.id) button.setAttribute('aria-current', 'true');
    row.append(button);
    return row;
  });
  const nav = $('#conversations');
  if (!nav) return;
  const shown = nav.querySelector('.list');
  redraw(shown, () => shown.replaceChildren(...rows));
  nav.querySelector('.one').hidden = !talk.id;
  nav.querySelector('.sure').hidden = true;
  nav.querySelector('#title').value = talk.title;
};
// Stops the current answer. The question stays in its conversation, marked as not answered.
const leaveTalk = async () => { await stop(); if (editing) fill(''); editing = null; };
const choices = {
  fresh: async () => { await leaveTalk(); draw(null); await list(); $('#question textarea').focus(); },
  open: async ({ id }) => {
    await leaveTalk();
    await openTalk(id);
    await list();
    hold(talk.exchanges.at(-1)?.id);
    if (window.innerWidth < 700) $('.sidebar.open .toggle-button')?.click(); // it would cover the conversation
    const about = $(`#collection input[value="${talk.collection}"]`);
    if (about && !about.checked) { collection = talk.collection; about.click(); }
  },
  rename: async () => { draw(await asked('PATCH', `api/conversations/${escaped(talk.id)}`, { title: $('#title').value })); await list(); },
  delete: async () => { $('#conversations .sure').hidden = false; },
  'delete-not': async () => { $('#conversations .sure').hidden = true; },
  'delete-sure': async () => {
    await leaveTalk();
    const { id, title } = talk;
    await asked('DELETE', `api/conversations/${escaped(id)}`);
    draw(null);
    await list();
    tell(`Deleted “${title}”.`, async () => { draw(await asked('POST', `api/conversations/${escaped(id)}/restore`)); await list(); });
  },
  export: async ({ form }) => {
    const response = await call('GET', `api/conversations/${escaped(talk.id)}/export?form=${form}`);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await response.blob());
    link.download = /filename="([^"]+)"/.exec(response.headers.get('Content-Disposition'))[1];
    link.click();
    URL.revokeObjectURL(link.href);
  },
  edit: async ({ key }) => {
    const exchange = talk.exchanges.find((e) => e.id === key);
    editing = { after: exchange.after, exchange: key, question: exchange.question };
    drawEditing();
    fill(exchange.question);
  },
  again: async ({ key }) => {
    const last = talk.exchanges.at(-1).id; // so that Undo shows this version again
    const kept = await asked('POST', `api/exchanges/${escaped(key)}/again`);
    begun(kept);
    if (!kept.notice) tell('The earlier version was kept.', () => choices.version({ key: last }));
  },
  version: async ({ key }) => { tell(''); draw(await asked('POST', `api/exchanges/${escaped(key)}/show`)); },
  verdict: async ({ key, verdict }, button) => {
    await asked('POST', `api/exchanges/${escaped(key)}/verdict`, { verdict });
    for (const other of button.parentElement.querySelectorAll('[data-act=verdict]')) other.setAttribute('aria-pressed', other === button);
    button.parentElement.querySelector('[data-act=gold]').hidden = false;
  },
  gold: async ({ key }) => { tell((await asked('POST', `api/exchanges/${escaped(key)}/gold`, { words: selected() })).message); },
};
document.addEventListener('click', (event) => {
  const button = event.target.closest?.('button[data-act]');
  const act = button && choices[button.dataset.act];
  if (act) guarded(act)({ ...button.dataset }, button);
});

// A new question is scrolled to the top and stays there while its answer is written, until the user scrolls.
let held = null;
const hold = (id) => { held = id; keepInView(); };
const keepInView = () => {
  const box = $('#conversation .panel-wrap');
  const node = held && box?.querySelector(`.exchange[data-exchange="${held}"]`);
  if (!node) return;
  const above = node.getBoundingClientRect().top - box.getBoundingClientRect().top - 16;
  if (Math.abs(above) > 1) box.scrollTop += above;
  if (node.querySelector('.notes, .abstained')) held = null; // the answer is complete
};
for (const kind of ['wheel', 'touchmove', 'pointerdown', 'keydown']) {
  document.addEventListener(kind, (event) => { if (event.target.closest?.('#conversation')) held = null; }, { passive: true });
}

window.clippings = {
  submit,
  stop,
  show,
  saveSetting: guarded((name, value) => asked('PUT', `api/settings/${name}`, { value })),
  // Another collection starts another conversation, since follow-ups would refer to other articles.
  chooseCollection: guarded(async (name) => {
    const another = collection !== name;
    await asked('PUT', 'api/settings/collection', { value: name }); // first: without the server nothing changes
    collection = name;
    if (another && talk.collection !== name && talk.exchanges.length) await choices.fresh();
  }),
  importConversations: async (shelf) => {
    if (!shelf?.conversations?.length) return shelf;
    try {
      await asked('POST', 'api/conversations/taken-over', { shelf });
      await list();
      return { current: '', conversations: [] };
    } catch (error) { tell(error.message); return shelf; }
  },
};

// A draft that was not sent survives a reload.
const DRAFT = `clippings-draft:${base}`;
const draft = (text) => { try { sessionStorage.setItem(DRAFT, text); } catch { /* no session storage */ } };
document.addEventListener('input', (event) => { if (event.target.matches?.('#question textarea')) draft(event.target.value); });
(async () => {
  while (!$('#question textarea')) await new Promise((later) => setTimeout(later, 50));
  let typed = '';
  try { typed = sessionStorage.getItem(DRAFT) ?? ''; } catch { /* no session storage */ }
  if (typed && !$('#question textarea').value) fill(typed);
  readModel();
})();

let mine = '';
try { mine = sessionStorage.getItem(HERE) ?? ''; } catch { /* no session storage */ }
guarded(async () => {
  if (mine) { try { await openTalk(mine); hold(talk.exchanges.at(-1)?.id); } catch (error) { if (error.status !== 404) throw error; } }
  await list();
})();
// Shows what other tabs have added in the meantime.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) readModel();
  if (!document.hidden && !queue.length) guarded(async () => { if (talk.id) await openTalk(talk.id); await list(); })();
});
// Gradio's search box has no accessible name, and a tab that is shown again is empty.
new MutationObserver(() => {
  for (const box of document.querySelectorAll('#articles input.search-input:not([aria-label])')) box.setAttribute('aria-label', 'Search the articles');
  const drawn = $('#conversation .exchanges');
  if (drawn && !drawn.children.length && talk.exchanges.length) draw({ ...talk });
}).observe(document.body, { childList: true, subtree: true });
