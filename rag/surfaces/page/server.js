// Calls the server. An error response becomes an Error with the server's message.
const base = `${location.origin}${location.pathname.replace(/\/?$/, '/')}`;
const call = async (method, path, body, options = {}) => {
  let response;
  try {
    response = await fetch(new URL(path, base), {
      method,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      ...options,
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error('The server does not respond. Your questions are saved; try again later.');
  }
  if (response.ok) return response;
  await refused(response.status, response.text());
};
const refused = async (status, body) => {
  if (status === 401) { location.assign(new URL('login', base)); }
  let said;
  try { said = JSON.parse(await body).error; } catch { said = null; }
  const error = new Error(said?.message ?? `The server refused the request (status ${status}).`);
  Object.assign(error, { status, kind: said?.kind, names: said?.names });
  throw error;
};
const asked = async (method, path, body) => {
  const response = await call(method, path, body);
  return response.status === 204 ? null : response.json();
};
const escaped = encodeURIComponent;

// The events of a stream, one by one.
const events = async function* (response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = '';
  while (true) {
    const { value, done } = await reader.read();
    if (done) return;
    held += value;
    const whole = held.split('\n\n');
    held = whole.pop();
    for (const event of whole) {
      const data = event.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6)).join('\n');
      if (data) yield JSON.parse(data);
    }
  }
};
