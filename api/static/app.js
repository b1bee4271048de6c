// Starts the page: chooses the view by the address, keeps the streams fresh, and says when moodline is away.

import { follow, get, repeat } from './client.js';
import { Connection } from './connection.js';
import { counted, setText } from './dom.js';
import { save } from './download.js';
import { currentKey } from './key.js';
import { Overview } from './overview.js';
import { health, unheardFor } from './state.js';
import { StreamPage } from './stream.js';

const main = document.getElementById('main');
const totals = document.getElementById('totals');
const streamsLink = document.querySelector('.pages a');
const connection = new Connection();

// `streams`: what moodline said at the time `heard`; `error`: why it says nothing now.
const page = { view: null, stop: () => {}, down: new Map(), streams: null, heard: 0, error: null, events: null };

// Both ways must be open: the answers of the API and the live events.
function judgeLink() {
  if (page.error) connection.fail(page.error);
  else if (!page.streams || page.events !== true) connection.wait();
  else connection.good();
}

// Only a stream that goes down or comes back is spoken; everything else would be noise.
function announceChanges(streams) {
  for (const stream of streams) {
    const { tone, word } = health(stream);
    const down = tone === 'bad';
    if (page.down.has(stream.id) && page.down.get(stream.id) !== down) {
      connection.say(down ? `Stream ${stream.id} is down: ${word}.` : `Stream ${stream.id} is back.`);
    }
    page.down.set(stream.id, down);
  }
}

function showTotals(streams) {
  const live = streams.filter((stream) => health(stream).tone === 'good').length;
  const faces = streams.reduce((sum, stream) => sum + stream.faces_now, 0);
  setText(totals, streams.length ? `${live} of ${counted(streams.length, 'stream')} live · ${counted(faces, 'face')} now` : '');
}

async function askStreams() {
  try {
    const { streams } = await get('/v1/streams');
    Object.assign(page, { streams, heard: Date.now(), error: null });
    announceChanges(streams);
    showTotals(streams);
    page.view.update(streams);
  } catch (error) {
    page.error = error;
    setText(totals, '');
    if (page.streams) page.view.update(unheardFor(page.streams, (Date.now() - page.heard) / 1000));
  }
  judgeLink();
}

function viewOf(path) {
  const [, id] = path.match(/^\/streams\/([^/]+)$/) ?? [];
  return id ? new StreamPage(decodeURIComponent(id)) : new Overview();
}

function open(path) {
  page.stop();
  page.view?.end();
  page.view = viewOf(path);
  page.events = null;
  main.replaceChildren(connection.banner, page.view.element);
  document.title = page.view.title;
  streamsLink.toggleAttribute('aria-current', false);
  if (path === '/') streamsLink.setAttribute('aria-current', 'page');
  const endEvents = follow(page.view.query, {
    onEvent: (event) => page.view.onEvent(event),
    onMissed: (missed) => page.view.onMissed(missed),
    onLink: (isOpen) => {
      page.events = isOpen;
      judgeLink();
    },
  });
  const endStreams = repeat(askStreams, 2000);
  page.stop = () => {
    endEvents();
    endStreams();
  };
}

function go(path) {
  history.pushState(null, '', path);
  open(path);
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
}

document.addEventListener('click', (event) => {
  const anchor = event.target.closest('a[href="/"], a[href^="/streams/"]');
  if (!anchor || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(anchor.getAttribute('href'));
});
document.getElementById('metrics').addEventListener('click', (event) => {
  if (!currentKey()) return;
  event.preventDefault(); // a link can send no key
  save('/metrics', 'metrics.txt').catch((error) => connection.say(error.message));
});
addEventListener('popstate', () => open(location.pathname));
// A page that the browser keeps to go back to would keep its connection, too, and a browser has six for a host.
addEventListener('pagehide', () => page.stop());
addEventListener('pageshow', (event) => event.persisted && open(location.pathname));
open(location.pathname);
