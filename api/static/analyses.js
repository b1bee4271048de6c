// The page of recordings: hand in a video, see how far it is, fetch its results, cancel or delete it.

import { get, repeat, send } from './client.js';
import { Connection } from './connection.js';
import { counted, duration, h, setData, setText } from './dom.js';
import { save } from './download.js';
import { currentKey } from './key.js';
import { upload } from './upload.js';

const element = (id) => document.getElementById(id);
const TONES = { waiting: 'wait', running: 'wait', done: 'good', failed: 'bad', cancelled: 'rest' };
const TITLES = {
  'report.html': 'Report', 'timeline.svg': 'Plot', 'annotated.mp4': 'Annotated video',
  'summary.json': 'Summary JSON', 'summary.csv': 'Summary CSV', 'timeline.json': 'Timeline JSON',
  'timeline.csv': 'Timeline CSV', 'tracks.json': 'Tracks JSON', 'tracks.csv': 'Tracks CSV', 'events.jsonl': 'Events',
};
const OPENED = ['report.html', 'timeline.svg'];
const IN_A_TAB = { target: '_blank', rel: 'opener' }; // that has this one's key
const ENDED = ['done', 'failed', 'cancelled'];

// A link cannot send a key; with one, the file is fetched and handed to the browser.
function fetchResult(event, path, name) {
  if (!currentKey()) return;
  event.preventDefault();
  save(path, name).catch((error) => say(error.message));
}

class Analysis {
  constructor({ id, name }) {
    this.id = id;
    this.name = name;
    this.pill = h('span', { class: 'state' });
    this.sentence = h('p', { class: 'sentence' });
    this.bar = h('progress', { max: 100, 'aria-label': `Progress of ${name}` });
    this.results = h('div', { class: 'results' });
    this.button = h('button', { type: 'button', onclick: () => this.end() });
    this.element = h('li', { class: 'card', 'data-id': id },
      h('div', { class: 'card-head' }, h('h3', {}, name), this.pill),
      this.sentence, this.bar, this.results, h('div', { class: 'actions' }, this.button));
  }

  update(found) {
    const ended = ENDED.includes(found.state);
    if (this.state && this.state !== found.state) setText(element('announce'), `${this.name} is ${found.state}.`);
    this.state = found.state;
    setData(this.element, 'tone', TONES[found.state]);
    setData(this.pill, 'tone', TONES[found.state]);
    setText(this.pill, found.state);
    setText(this.sentence, sentenceOf(found));
    this.bar.hidden = ended;
    if (found.percent === null || found.state === 'waiting') this.bar.removeAttribute('value');
    else this.bar.value = found.percent;
    setText(this.button, ended ? 'Delete' : 'Cancel');
    this.button.setAttribute('aria-label', `${ended ? 'Delete' : 'Cancel'} ${this.name}`);
    this.show(found.results);
  }

  // What goes on while moodline does not answer is not known.
  lose(seconds) {
    if (ENDED.includes(this.state)) return;
    setData(this.element, 'tone', 'rest');
    setData(this.pill, 'tone', 'rest');
    setText(this.pill, 'unknown');
    setText(this.sentence, `Last heard of ${duration(seconds)} ago: ${this.state}.`);
    this.bar.hidden = true;
  }

  show(names) {
    if (this.shown === names.join()) return;
    this.shown = names.join();
    this.results.replaceChildren(...names.map((name) => {
      if (OPENED.includes(name)) return h('a', { href: `/analyses/${this.id}/${name}`, ...IN_A_TAB }, TITLES[name]);
      const path = `/v1/analyses/${this.id}/results/${name}`;
      return h('a', { href: path, download: true, onclick: (event) => fetchResult(event, path, name) }, TITLES[name] ?? name);
    }));
  }

  async end() {
    if (ENDED.includes(this.state) && !confirm(`Delete ${this.name} with its results?`)) return;
    this.button.disabled = true;
    await send('DELETE', `/v1/analyses/${this.id}`).catch((error) => say(error.message));
    this.button.disabled = false;
    await refresh();
  }
}

function sentenceOf(found) {
  if (found.state !== 'done') return found.sentence;
  const took = (new Date(found.ended_at) - new Date(found.started_at)) / 1000;
  const speed = found.times_real_time === null ? '' : `, ${found.times_real_time} times real time`;
  return `${found.sentence} ${counted(found.frames, 'frame')}, ${counted(found.faces, 'face')}, in ${duration(took)}${speed}.`;
}

const known = new Map();
const connection = new Connection();
let heard = 0;

function say(text) {
  setText(element('said'), text);
}

async function refresh() {
  let answer;
  try {
    answer = await get('/v1/analyses');
  } catch (error) {
    connection.fail(error);
    element('queue').hidden = true;
    known.forEach((one) => one.lose((Date.now() - heard) / 1000));
    return;
  }
  heard = Date.now();
  connection.good();
  element('off').hidden = answer.enabled;
  element('hand-in').hidden = !answer.enabled;
  setText(element('limit'), `at most ${Math.floor(answer.max_upload / 2 ** 20)} MB`);
  element('none').hidden = answer.analyses.length > 0;
  element('queue').hidden = answer.waiting === 0;
  const workers = answer.workers ? `${counted(answer.workers, 'worker')} at work` : 'no `moodline jobs` is running';
  setText(element('queue'), `${answer.waiting} waiting, ${workers}.`);
  draw(answer.analyses);
}

function draw(analyses) {
  const list = element('analyses');
  const there = new Set(analyses.map(({ id }) => id));
  for (const [id, one] of known) {
    if (!there.has(id)) {
      one.element.remove();
      known.delete(id);
    }
  }
  analyses.toReversed().forEach((found) => {
    if (!known.has(found.id)) {
      known.set(found.id, new Analysis(found));
      list.prepend(known.get(found.id).element);
    }
    known.get(found.id).update(found);
  });
}

async function handIn(event) {
  event.preventDefault();
  const [file] = element('video').files;
  if (!file) return;
  const [bar, button, abort] = [element('sent'), element('send'), element('abort')];
  const stop = new AbortController();
  abort.onclick = () => stop.abort();
  [bar.hidden, button.disabled, abort.hidden] = [false, true, false];
  say(`Sending ${file.name}.`);
  try {
    await upload(file, element('annotate').checked, stop.signal, (share) => { bar.value = share; });
    say(`${file.name} has been handed in.`);
    event.target.reset();
  } catch (error) {
    say(error.message);
  }
  [bar.hidden, button.disabled, abort.hidden] = [true, false, true];
  await refresh();
}

element('main').prepend(connection.banner);
element('hand-in').addEventListener('submit', handIn);
repeat(refresh, 1000);
