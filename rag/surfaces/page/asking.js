// Conversations: what the server keeps is drawn, questions are put to it, and their answers are followed as they grow.
// The server is the truth: every change goes there first, and what it answers is what is shown.
const $ = (selector) => document.querySelector(selector);
const HERE = `clippings-tab:${base}`; // the conversation of this tab, so that a reload comes back to it
const talk = { id: '', title: '', exchanges: [] };
let editing = null; // {after, exchange, question}: a question that the next one is put in the place of
let queue = []; // ids of exchanges put in this tab that are to be answered, the first being answered now
let stream = null; // the AbortController of the answer that is being followed
let collection = null; // as chosen on the page
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
// What goes wrong is told where one looks.
const guarded = (act) => async (...given) => {
  try { return await act(...given); } catch (error) { if (error.name !== 'AbortError') tell(error.message); }
};

const draw = (conversation) => {
  Object.assign(talk, conversation ?? { id: '', title: '', exchanges: [] });
  try { sessionStorage.setItem(HERE, talk.id); } catch { /* a browser that keeps nothing */ }
  const list = $('#conversation .exchanges');
  if (!list) return;
  // What is the same stays as it is: an opened timeline stays open, and nothing is read aloud twice.
  const there = new Map([...list.children].map((node) => [node.dataset.exchange, node]));
  list.replaceChildren(...talk.exchanges.map((exchange) => {
    const known = there.get(exchange.id);
    if (known && known.drawn === exchange.html) return known;
    const made = document.createElement('template');
    made.innerHTML = exchange.html;
    const node = made.content.firstElementChild;
    node.drawn = exchange.html;
    return node;
  }));
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
  note.append(`You are editing “${editing.question}”. The earlier version, with what followed it, is kept. `, cancel);
};
// Gradio's box, as if somebody typed.
const fill = (text) => {
  const box = $('#question textarea');
  box.value = text;
  box.dispatchEvent(new Event('input', { bubbles: true }));
  box.focus();
};

// The box is emptied as the question leaves it; where the server cannot keep it, it is put back. One after another: the first
// question makes the conversation that the next one belongs to.
let putting = Promise.resolve();
const put = (question, ...limits) => {
  if (!question.trim()) return question;
  const wrong = limits.slice(-2).find((day) => day?.trim() && !/^\d{4}-\d\d-\d\d$/.test(day.trim()));
  if (wrong) { tell(`“${wrong}” is not a day. Days are written as 2024-01-20; correct it, or leave it empty.`); return question; }
  draft('');
  const place = editing ? { after: editing.after } : null;
  editing = null;
  drawEditing();
  putting = putting.then(() => keep(question, place, ...limits));
  return '';
};
const keep = async (question, place, chosen, wording, sources, after, before) => {
  try {
    const kept = await asked('POST', 'api/exchanges', {
      question, collection: chosen, conversation: talk.id || null, after: talk.exchanges.at(-1)?.id ?? null, ...place,
      sources: sources ?? [], published_from: (after ?? '').trim(), published_to: (before ?? '').trim(),
      use_model: wording !== 'articles',
    });
    begun(kept);
    const beside = kept.conversation.exchanges.at(-1).versions > 1;
    if (!place && beside && !kept.notice) tell('Another tab has asked here meanwhile: its question is the version before this one.');
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

// Answers what was put in this tab, one after another: what comes later may be meant as a follow-up.
const work = async () => {
  while (queue.length) {
    const id = queue[0];
    try { await follow(id); } catch (error) { if (error.name !== 'AbortError') reply(id, error.message); }
    if (queue[0] === id) queue.shift();
  }
  guarded(list)();
};
const follow = async (id) => {
  reply(id, null, '<p class="step" role="status">being answered…</p>');
  stream = new AbortController();
  try {
    const response = await call('POST', `api/exchanges/${escaped(id)}/answer`, undefined, { signal: stream.signal });
    for await (const event of events(response)) reply(id, null, event.html);
  } finally { stream = null; }
  const now = await asked('GET', `api/conversations/${escaped(talk.id)}`);
  if (now.id === talk.id) draw(now);
};
const reply = (id, message, html) => {
  const node = $(`#conversation .exchange[data-exchange="${id}"] .reply`);
  if (!node) return;
  node.closest('.exchange').drawn = null; // it no longer shows what was drawn
  if (html !== undefined) { node.innerHTML = html; } else {
    const line = document.createElement('p');
    line.className = 'abstained'; line.textContent = message;
    node.replaceChildren(line);
  }
  keepInView();
};
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
  nav.querySelector('.list').replaceChildren(...rows);
  nav.querySelector('.one').hidden = !talk.id;
  nav.querySelector('.sure').hidden = true;
  nav.querySelector('#title').value = talk.title;
};
// Leaves what is being answered: the question stays with what it was put in, marked as not answered.
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
    tell(`“${title}” is deleted.`, async () => { draw(await asked('POST', `api/conversations/${escaped(id)}/restore`)); await list(); });
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
    const last = talk.exchanges.at(-1).id; // so that undoing shows what was shown
    const kept = await asked('POST', `api/exchanges/${escaped(key)}/again`);
    begun(kept);
    if (!kept.notice) tell('The earlier version is kept.', () => choices.version({ key: last }));
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

// A new question comes to the top and stays there while its answer grows, so that it is read from its first word; until
// the reader scrolls.
let held = null;
const hold = (id) => { held = id; keepInView(); };
const keepInView = () => {
  const box = $('#conversation .panel-wrap');
  const node = held && box?.querySelector(`.exchange[data-exchange="${held}"]`);
  if (!node) return;
  const above = node.getBoundingClientRect().top - box.getBoundingClientRect().top - 16;
  if (Math.abs(above) > 1) box.scrollTop += above;
  if (node.querySelector('.notes, .abstained')) held = null; // it grows no more
};
for (const kind of ['wheel', 'touchmove', 'pointerdown', 'keydown']) {
  document.addEventListener(kind, (event) => { if (event.target.closest?.('#conversation')) held = null; }, { passive: true });
}

window.clippings = {
  put,
  stop,
  show,
  keep: guarded((name, value) => asked('PUT', `api/settings/${name}`, { value })),
  // Another collection, another conversation: what "he" was there means nothing here.
  choose: guarded(async (name) => {
    const another = collection !== name;
    await asked('PUT', 'api/settings/collection', { value: name }); // nothing changes while the server does not answer
    collection = name;
    if (another && talk.collection !== name && talk.exchanges.length) await choices.fresh();
  }),
  takeOver: async (shelf) => {
    if (!shelf?.conversations?.length) return shelf;
    try {
      await asked('POST', 'api/conversations/taken-over', { shelf });
      await list();
      return { current: '', conversations: [] };
    } catch (error) { tell(error.message); return shelf; }
  },
};

// What is typed and not sent yet stays through a reload.
const DRAFT = `clippings-draft:${base}`;
const draft = (text) => { try { sessionStorage.setItem(DRAFT, text); } catch { /* a browser that keeps nothing */ } };
document.addEventListener('input', (event) => { if (event.target.matches?.('#question textarea')) draft(event.target.value); });
(async () => {
  while (!$('#question textarea')) await new Promise((later) => setTimeout(later, 50));
  let typed = '';
  try { typed = sessionStorage.getItem(DRAFT) ?? ''; } catch { /* likewise */ }
  if (typed && !$('#question textarea').value) fill(typed);
})();

let mine = '';
try { mine = sessionStorage.getItem(HERE) ?? ''; } catch { /* a browser that keeps nothing */ }
guarded(async () => {
  if (mine) { try { await openTalk(mine); hold(talk.exchanges.at(-1)?.id); } catch (error) { if (error.status !== 404) throw error; } }
  await list();
})();
// What another tab has added meanwhile.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && !queue.length) guarded(async () => { if (talk.id) await openTalk(talk.id); await list(); })();
});
// Gradio's search box has a title and no name; and a tab that is shown anew is drawn anew.
new MutationObserver(() => {
  for (const box of document.querySelectorAll('#articles input.search-input:not([aria-label])')) box.setAttribute('aria-label', 'Search the articles');
  const drawn = $('#conversation .exchanges');
  if (drawn && !drawn.children.length && talk.exchanges.length) draw({ ...talk });
}).observe(document.body, { childList: true, subtree: true });
