// Opens articles at the words of a citation, previews them, and moves from citation to citation. Text of an article is only
// set as text, so it cannot become markup.
const part = (name) => element.querySelector(`.${name}`);
const peek = document.createElement('div');
peek.id = 'peek';
peek.setAttribute('role', 'tooltip');
peek.hidden = true;
document.body.append(peek);
let opened = null; // the citation marker whose words are shown

const show = async (place) => {
  const named = ['collection', 'article', 'version', 'start', 'end', 'words'].filter((name) => place[name] != null);
  const query = new URLSearchParams(named.map((name) => [name, place[name]]));
  let found;
  try { found = await asked('GET', `api/place?${query}`); } catch (error) { found = { error: error.message }; }
  const [hint, text] = [part('hint'), part('article')];
  for (const name of ['title', 'facts', 'from']) part(name).textContent = '';
  part('tools').hidden = text.hidden = Boolean(found.error);
  part('note').hidden = part('read').hidden = true;
  hint.hidden = !found.error;
  if (found.error) { hint.textContent = found.error; return; }
  reading = { collection: place.collection, article: place.article };
  part('title').textContent = found.title;
  part('facts').textContent = [found.source, found.published].filter(Boolean).join(', ');
  if (found.url) {
    const link = document.createElement('a');
    link.href = found.url; link.textContent = found.url; link.rel = 'noopener noreferrer'; link.target = '_blank';
    part('from').append(link);
  }
  const [note, read] = [part('note'), part('read')];
  note.textContent = found.note; note.hidden = !found.note;
  read.querySelector('p').textContent = found.read; read.hidden = !found.read;
  part('link').dataset.address = `?${query}`;
  const quote = document.createElement('mark');
  quote.textContent = found.quote;
  quote.hidden = !found.quote;
  text.replaceChildren(found.before, quote, found.after);
  // On a narrow screen the article opens below the answer, out of sight.
  if (element.getBoundingClientRect().top >= window.innerHeight) element.scrollIntoView({ block: 'start' });
  // Otherwise only the article scrolls: scrollIntoView would move the page under the reader.
  const above = quote.getBoundingClientRect().top - text.getBoundingClientRect().top + text.scrollTop;
  text.scrollTop = Math.max(0, above - text.clientHeight / 3);
  text.focus({ preventScroll: true });
};

const open = (marker) => {
  document.querySelectorAll('button.cite.open').forEach((other) => other.classList.remove('open'));
  marker.classList.add('open');
  opened = marker;
  const { article, version, start, end, words } = marker.dataset;
  const { collection } = marker.closest('.exchange').dataset;
  return show({ collection, article, version, start, end, words });
};

// The citation markers of the answer with the open citation: each number once, in order.
const siblings = () => {
  const answer = opened?.closest('.exchange')?.querySelector('.answer');
  const markers = answer ? [...answer.querySelectorAll('button.cite')] : [];
  return markers.filter((m, at) => markers.findIndex((o) => o.dataset.number === m.dataset.number) === at);
};
const walk = (step) => {
  const markers = siblings();
  if (!markers.length) return;
  const at = markers.findIndex((m) => m.dataset.number === opened.dataset.number);
  open(markers[(at + step + markers.length) % markers.length]);
};

const copied = async (button, text) => {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch { // the clipboard needs HTTPS: the user can copy by hand
    window.prompt('Copy this text', text);
  }
  setTimeout(() => { button.textContent = label; }, 1500);
};

// Pressing the button would remove the text selection that it needs.
document.addEventListener('mousedown', (event) => { if (event.target.closest('button[data-act=gold]')) event.preventDefault(); });
document.addEventListener('click', (event) => {
  const marker = event.target.closest('button.cite');
  if (marker) { event.preventDefault(); peek.hidden = true; open(marker); return; }
  const link = event.target.closest('a.permalink');
  if (link) { event.preventDefault(); copied(link, new URL(link.getAttribute('href'), location.href.split('?')[0]).href); return; }
  const button = event.target.closest('button[data-act]');
  if (!button) return;
  const { act, text } = button.dataset;
  if (act === 'copy') copied(button, text);
  if (act === 'previous') walk(-1);
  if (act === 'next') walk(1);
  if (act === 'link') copied(button, new URL(button.dataset.address, location.href.split('?')[0]).href);
});

// The selected words of the open article, with offsets in code points, as the server counts them.
let reading = null;
const selected = () => {
  const [text, chosen] = [part('article'), window.getSelection()];
  if (!reading || !chosen.rangeCount || chosen.isCollapsed || !text.contains(chosen.anchorNode) || !text.contains(chosen.focusNode)) return null;
  const range = chosen.getRangeAt(0);
  const before = document.createRange();
  before.selectNodeContents(text);
  before.setEnd(range.startContainer, range.startOffset);
  const start = [...before.toString()].length;
  return { ...reading, start, end: start + [...range.toString()].length };
};

const preview = (event) => {
  const marker = event.target.closest?.('button.cite[data-quote]');
  if (!marker) return;
  const { quote, from, support } = marker.dataset;
  peek.replaceChildren();
  for (const [kind, words] of [['quote', `“${quote}”`], ['from', from], ['support', support]]) {
    if (!words) continue;
    const line = document.createElement('p');
    line.className = kind; line.textContent = words;
    peek.append(line);
  }
  peek.hidden = false;
  const at = marker.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.left, window.innerWidth - peek.offsetWidth - 8));
  const below = at.bottom + 6 + peek.offsetHeight < window.innerHeight;
  peek.style.left = `${left}px`;
  peek.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - peek.offsetHeight - 6)}px`;
};
const leave = (event) => { if (event.target.closest?.('button.cite')) peek.hidden = true; };
document.addEventListener('mouseover', preview);
document.addEventListener('focusin', preview);
document.addEventListener('mouseout', leave);
document.addEventListener('focusout', leave);
document.addEventListener('scroll', () => { peek.hidden = true; }, true);

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    peek.hidden = true;
    if (element.contains(document.activeElement)) opened?.focus();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, textarea, select, [contenteditable=true]')) return;
  if (event.key === 'n') walk(1);
  if (event.key === 'p') walk(-1);
});

const wanted = new URLSearchParams(location.search);
if (wanted.has('article')) show(Object.fromEntries(wanted));
