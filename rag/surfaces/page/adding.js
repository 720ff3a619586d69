// Adds articles. Files are sent to the server, whose job continues even if the page is closed.
let adding = null; // the upload that waits for a decision about existing files
const report = (message, kind = 'step', share = null, stopping = null) => {
  const box = $('#report');
  if (!box) return;
  const line = document.createElement(kind === 'report' ? 'pre' : 'p');
  line.className = kind;
  if (share !== null) {
    const bar = document.createElement('progress');
    bar.value = share;
    line.append(bar, ' ');
  }
  line.append(message);
  if (stopping) {
    const button = document.createElement('button');
    Object.assign(button, { type: 'button', textContent: stopping.stopping ? 'Stopping…' : 'Stop', disabled: stopping.stopping });
    Object.assign(button.dataset, { act: 'stop-adding', id: stopping.id });
    line.append(' ', button);
  }
  box.replaceChildren(line);
};
const reporting = (act) => async (...given) => {
  try { return await act(...given); } catch (error) { report(error.message, 'abstained'); }
};

const send = (files) => new Promise((done, failed) => {
  const form = new FormData();
  for (const file of files) form.append('files', file, file.name);
  const request = new XMLHttpRequest(); // fetch does not report upload progress
  request.open('POST', new URL('api/uploads', base));
  request.upload.onprogress = ({ loaded, total }) => report(`uploading ${files.length} file${files.length === 1 ? '' : 's'}…`, 'step', loaded / total);
  request.onerror = () => failed(new Error('The upload was interrupted and nothing was saved. Try again.'));
  request.onload = () => {
    if (request.status === 201) done(JSON.parse(request.responseText));
    else refused(request.status, request.responseText).catch(failed);
  };
  request.send(form);
});

const sendAndAdd = reporting(async (files) => {
  if (!files.length) return;
  const upload = await send([...files]);
  if (!upload.taken.length) { await begin({ upload: upload.id }); return; }
  adding = upload.id;
  const box = $('#adding .taken');
  box.querySelector('p').textContent = `Already exists with different content: ${upload.taken.join(', ')}.`;
  box.hidden = false;
  report('Nothing has been added yet.');
});
const begin = async (what) => watchJob((await asked('POST', 'api/jobs', what)).id);
const watchJob = async (id) => {
  while (true) {
    const job = await asked('GET', `api/jobs/${escaped(id)}`);
    if (job.error) { report(job.error, 'abstained'); return; }
    if (job.done) {
      report(job.report, 'report');
      window.clippingsAdded?.();
      return;
    }
    report(job.said, 'step', job.share, job);
    await new Promise((later) => setTimeout(later, 400));
  }
};

Object.assign(choices, {
  fetch: async () => {
    const box = $('#address');
    await reporting(() => begin({ address: box.value.trim() }))();
  },
  taken: async ({ replace }) => {
    $('#adding .taken').hidden = true;
    const upload = adding;
    adding = null;
    if (replace) { await reporting(() => begin({ upload, replace }))(); return; }
    await reporting(() => asked('DELETE', `api/uploads/${escaped(upload)}`))();
    report('Nothing was added.');
  },
  'stop-adding': async ({ id }) => { await reporting(() => asked('POST', `api/jobs/${escaped(id)}/stop`))(); },
});
document.addEventListener('change', (event) => {
  if (event.target.id !== 'files') return;
  const files = [...event.target.files];
  event.target.value = '';
  sendAndAdd(files);
});
document.addEventListener('keydown', (event) => { if (event.target.id === 'address' && event.key === 'Enter') choices.fetch(); });
document.addEventListener('dragover', (event) => { if (event.target.closest?.('#adding')) event.preventDefault(); });
document.addEventListener('drop', (event) => {
  if (!event.target.closest?.('#adding')) return;
  event.preventDefault();
  sendAndAdd(event.dataTransfer.files);
});
// Jobs that were running when the page was left.
reporting(async () => {
  const { jobs } = await asked('GET', 'api/jobs');
  const latest = jobs.findLast((job) => !job.done) ?? jobs.at(-1);
  while (latest && !$('#report')) await new Promise((later) => setTimeout(later, 200)); // until its tab is opened
  if (latest?.done) report(latest.error || latest.report, latest.error ? 'abstained' : 'report');
  else if (latest) await watchJob(latest.id);
})();
