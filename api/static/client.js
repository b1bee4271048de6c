// Talks to the public API: answers as JSON, repeated questions, and live events.

export class ApiError extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

export async function get(path) {
  let response;
  try {
    response = await fetch(path, { headers: { Accept: 'application/json' } });
  } catch {
    throw new ApiError(0, 'moodline does not answer. The page goes on asking.');
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, body.detail ?? `moodline answered ${response.status}.`);
  return body;
}

// Asks again and again, never twice at once, and not while nobody looks. Returns a function that ends it.
export function repeat(task, everyMs) {
  let timer = 0;
  let ended = false;
  const round = async () => {
    if (!document.hidden) await task();
    if (!ended) timer = setTimeout(round, everyMs);
  };
  const wake = () => {
    if (document.hidden || ended) return;
    clearTimeout(timer);
    timer = setTimeout(round, 0);
  };
  document.addEventListener('visibilitychange', wake);
  round();
  return () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', wake);
  };
}

const KINDS = ['emotion', 'face_entered', 'emotion_changed', 'face_left'];
const OPEN_AGAIN_MS = 3000;

// Follows the events as they come. The browser reconnects by itself after a broken connection, but gives up after
// an answer such as 503; then it is opened again here, where it was. Returns a function that ends it.
export function follow(query, { onEvent, onMissed, onLink }) {
  let source = null;
  let timer = 0;
  let cursor = '';
  const listen = (name, act) => source.addEventListener(name, (message) => {
    cursor = message.lastEventId || cursor;
    act(JSON.parse(message.data));
  });
  const open = () => {
    const parameters = new URLSearchParams(query);
    if (cursor) parameters.set('cursor', cursor);
    source = new EventSource(`/v1/events/live?${parameters}`);
    listen('ready', () => onLink(true));
    listen('missed', onMissed);
    for (const kind of KINDS) listen(kind, onEvent);
    source.addEventListener('error', () => {
      onLink(false);
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, OPEN_AGAIN_MS);
    });
  };
  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
