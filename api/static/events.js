// The list of the last events, written a few times a second however fast they come.

import { get } from './client.js';
import { clock, duration, h, percent, setText } from './dom.js';
import { label } from './emotions.js';

const ROWS = 30;
const WRITE_EVERY_MS = 400;

const SENTENCES = {
  emotion: (event) => [label(event.emotion), h('span', { class: 'sure' }, percent(event.confidence))],
  face_entered: (event) => ['came into view, ', label(event.smoothed.emotion)],
  emotion_changed: (event) => [label(event.previous), h('span', { 'aria-label': 'changed to' }, '→'), label(event.smoothed.emotion)],
  face_left: (event) => [`left after ${duration((event.seen_ms ?? 0) / 1000)}`],
};

export const trackNumber = (track) => track.split('-').pop();

function row(event, withStream) {
  const stream = withStream ? h('a', { href: `/streams/${event.stream}` }, event.stream) : null;
  return h('li', { 'data-kind': event.kind },
    h('time', { datetime: event.captured_at }, clock(new Date(event.captured_at))),
    h('span', { class: 'who' }, stream, stream ? ' ' : null, h('span', { class: 'track', title: event.track }, `${withStream ? '#' : 'face '}${trackNumber(event.track)}`)),
    h('span', { class: 'what' }, ...SENTENCES[event.kind](event)));
}

export class EventList {
  constructor({ withStream }) {
    this.withStream = withStream;
    this.waiting = [];
    this.paused = false;
    this.changesOnly = false;
    this.loaded = false;
    this.list = h('ol', { class: 'events', tabindex: 0, 'aria-label': 'Last events, newest first' });
    this.note = h('p', { class: 'note' });
    this.element = h('section', { class: 'panel', 'aria-labelledby': 'events-title' },
      h('div', { class: 'panel-head' }, h('h2', { id: 'events-title' }, 'Last events'), this.filterButton(), this.pauseButton()),
      this.note, this.list);
    this.timer = setInterval(() => this.write(), WRITE_EVERY_MS);
    this.say('Events appear here as they come.');
  }

  pauseButton() {
    return h('button', { type: 'button', 'aria-pressed': 'false', onclick: (click) => {
      this.paused = !this.paused;
      click.currentTarget.setAttribute('aria-pressed', String(this.paused));
    } }, 'Pause');
  }

  filterButton() {
    return h('button', { type: 'button', 'aria-pressed': 'false', onclick: (click) => {
      this.changesOnly = !this.changesOnly;
      this.list.toggleAttribute('data-changes-only', this.changesOnly);
      click.currentTarget.setAttribute('aria-pressed', String(this.changesOnly));
    } }, 'Changes');
  }

  // What happened before this page was opened; an event that has come meanwhile is not shown twice.
  async load(query) {
    const { events } = await get(`/v1/events/recent?limit=${ROWS}&${query}`).catch(() => ({ events: [] }));
    const waiting = new Set(this.waiting.map((event) => event.id));
    this.waiting = [...events.reverse().filter((event) => !waiting.has(event.id)), ...this.waiting].slice(-ROWS);
    this.loaded = true;
  }

  add(event) {
    this.waiting.push(event);
    if (this.waiting.length > ROWS) this.waiting.shift();
  }

  // inFeed: they came too fast for this page; else they had left the feed. A count of null: nobody knows how many.
  missed(count, inFeed) {
    const events = count === null ? 'events, nobody knows how many' : `${count} event${count === 1 ? '' : 's'}`;
    this.say(inFeed ? `This page could not keep up and missed ${events}.`
      : `This page came back too late and missed ${events}.`);
  }

  say(sentence) {
    setText(this.note, sentence);
    this.note.hidden = !sentence;
  }

  write() {
    if (this.paused || !this.loaded || !this.waiting.length) return;
    if (!this.list.childElementCount) this.say('');
    this.list.prepend(...this.waiting.splice(0).reverse().map((event) => row(event, this.withStream)));
    this.trim();
  }

  // Changes are rarer than single faces: each kind of row is kept to its own number.
  trim() {
    for (const rows of [':scope > [data-kind="emotion"]', ':scope > :not([data-kind="emotion"])']) {
      [...this.list.querySelectorAll(rows)].slice(ROWS).forEach((old) => old.remove());
    }
  }

  end() {
    clearInterval(this.timer);
  }
}
