// Talks to the public API: answers as JSON, repeated questions, and live events.

import { askForKey, currentKey, isAboutTheKey, withKey } from './key.js';

export class ApiError extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

const PATIENCE_MS = 15000;

// Asks the API, and asks the user for a key as often as it is refused, until the user declines. `limit`: makes the
// signal that ends one question.
async function ask(path, accept, limit, method = 'GET', content = undefined) {
  const body = content && JSON.stringify(content);
  const own = { Accept: accept, ...(body && { 'Content-Type': 'application/json' }) };
  for (;;) {
    const key = currentKey();
    const response = await fetch(path, { headers: withKey(key, own), signal: limit?.(), method, body });
    if (response.ok) return response;
    const { detail = '' } = await response.clone().json().catch(() => ({}));
    if (!isAboutTheKey(response.status, detail) || !await askForKey(key, detail, method !== 'GET')) return response;
  }
}

// Returns an answer that says yes; everything else is an ApiError.
async function answerTo(path, accept, ...how) {
  const response = await ask(path, accept, ...how).catch(() => null);
  if (!response) throw new ApiError(0, 'moodline does not answer.');
  if (response.ok) return response;
  const { detail } = await response.json().catch(() => ({}));
  throw new ApiError(response.status, detail ?? `moodline answered ${response.status}.`);
}

export const get = (path) => send('GET', path);

export async function send(method, path, content) {
  const response = await answerTo(path, 'application/json', () => AbortSignal.timeout(PATIENCE_MS), method, content);
  return response.json().catch(() => ({}));
}

// What a path holds, as it is; null where there is nothing (yet).
export async function getBlob(path) {
  const response = await answerTo(path, '*/*');
  return response.status === 204 ? null : response.blob();
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
const SILENT_MS = 40000; // moodline says something every 15 s

// Follows the events as they come, and connects again where it was. Not by EventSource, which can send no key.
// Returns a function that ends it.
export function follow(query, { onEvent, onMissed, onLink }) {
  let cursor = '';
  let timer = 0;
  let request = null;
  const act = ({ event, id, data }) => {
    cursor = id || cursor;
    if (event === 'ready') onLink(true);
    else if (event === 'missed') onMissed(JSON.parse(data));
    else if (KINDS.includes(event)) onEvent(JSON.parse(data));
  };
  const open = async () => {
    const mine = new AbortController();
    request = mine;
    const parameters = new URLSearchParams(query);
    if (cursor) parameters.set('cursor', cursor);
    await ask(`/v1/events/live?${parameters}`, 'text/event-stream', () => mine.signal)
      .then((response) => (response.ok ? readMessages(response.body, act, mine) : null))
      .catch(() => {});
    if (request !== mine) return; // it was ended from outside
    onLink(false);
    timer = setTimeout(open, OPEN_AGAIN_MS);
  };
  open();
  return () => {
    clearTimeout(timer);
    request?.abort();
    request = null;
  };
}

// Hands out server-sent events until their end, or until nothing has come for long.
async function readMessages(body, act, request) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const silence = setTimeout(() => request.abort(), SILENT_MS);
    const { value, done } = await reader.read().finally(() => clearTimeout(silence));
    if (done) return;
    const blocks = (rest + value).replaceAll('\r\n', '\n').split('\n\n');
    rest = blocks.pop();
    blocks.map(fieldsOf).filter((fields) => fields.event).forEach(act);
  }
}

const fieldsOf = (block) => Object.fromEntries(block.split('\n').filter((line) => !line.startsWith(':')).map((line) => {
  const colon = line.indexOf(': ');
  return [line.slice(0, colon), line.slice(colon + 2)];
}));
