// Opens the article at the words a marker names. One listener serves every marker, also those of later answers.
// Article text is only ever set as text: nothing in an article can become markup.
document.addEventListener('click', async (event) => {
  const marker = event.target.closest('button.cite');
  if (!marker) return;
  event.preventDefault();
  const { article, start, end } = marker.dataset;
  const found = await server.open_article({ article, start: Number(start), end: Number(end) });
  const [hint, byline, from, text] = ['.hint', '.byline', '.from', '.article'].map((name) => element.querySelector(name));
  if (found.error) {
    hint.textContent = found.error;
    hint.hidden = false; text.hidden = true; byline.textContent = ''; from.textContent = '';
    return;
  }
  hint.hidden = true;
  byline.textContent = found.byline;
  from.textContent = '';
  if (found.url) {
    const link = document.createElement('a');
    link.href = found.url; link.textContent = found.url; link.rel = 'noopener noreferrer'; link.target = '_blank';
    from.append(link);
  }
  const quote = document.createElement('mark');
  quote.textContent = found.quote;
  text.replaceChildren(found.before, quote, found.after);
  text.hidden = false;
  // On a narrow screen the article opens below the answer, out of sight.
  if (element.getBoundingClientRect().top >= window.innerHeight) element.scrollIntoView({ block: 'start' });
  // Otherwise only the article scrolls: scrollIntoView would move the page under the reader.
  const above = quote.getBoundingClientRect().top - text.getBoundingClientRect().top + text.scrollTop;
  text.scrollTop = Math.max(0, above - text.clientHeight / 3);
  text.focus({ preventScroll: true });
});
