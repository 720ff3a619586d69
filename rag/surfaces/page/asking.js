// Puts questions, keeps the newest in view while it is answered, and saves what is exported.
// A question joins those put before it as it leaves its box. Each has a key, so that every run that answers can tell
// which have been answered: Gradio keeps at most one run waiting, for however many questions were put meanwhile.
let pending = null; // a question to be edited, or asked again
const now = () => performance.timeOrigin + performance.now(); // since 1970, so that no key is given twice
window.clippings = {
  now,
  show,
  put(typed, asked) {
    const act = pending;
    pending = null;
    const at = act ? asked.findIndex(([key]) => key === act.key) : -1;
    if (at < 0) return ['', [...asked, [String(now()), typed]]];
    const question = asked[at][1];
    if (act.act === 'edit') { document.querySelector('#question textarea').focus(); return [question, asked.slice(0, at)]; }
    return [typed, [...asked.slice(0, at), [String(now()), question]]];
  },
  save({ name, kind, text }) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: kind }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  },
};

document.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act=edit], button[data-act=again]');
  if (!button) return;
  pending = { act: button.dataset.act, key: button.dataset.key };
  document.querySelector('#ask').click();
});

// A new question comes to the top and stays there while its answer grows, so that it is read from its first word; until
// the reader scrolls.
let asked = 0;
let held = null;
const hold = () => {
  const questions = document.querySelectorAll('#conversation .asked');
  const box = document.querySelector('#conversation .panel-wrap');
  if (questions.length > asked) held = box;
  asked = questions.length;
  if (!box || box !== held) return;
  const above = questions[asked - 1]?.getBoundingClientRect().top - box.getBoundingClientRect().top - 16;
  if (Math.abs(above) > 1) box.scrollTop += above;
  const answers = document.querySelectorAll('#conversation .exchange');
  if (answers[answers.length - 1].querySelector('.notes, .abstained')) held = null; // it grows no more
};
for (const kind of ['wheel', 'touchmove', 'pointerdown', 'keydown']) {
  document.addEventListener(kind, (event) => { if (event.target.closest?.('#conversation')) held = null; }, { passive: true });
}
new MutationObserver((changes) => {
  if (changes.some(({ target }) => target.closest?.('#conversation'))) hold();
  // Gradio's search box has a title and no name.
  for (const box of document.querySelectorAll('#articles input.search-input:not([aria-label])')) box.setAttribute('aria-label', 'Search the articles');
}).observe(document.body, { childList: true, subtree: true });
