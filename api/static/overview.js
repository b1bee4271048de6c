// The first page: every stream as a card, and the last events of all of them.

import { get, repeat } from './client.js';
import { finished, sparkline } from './chart.js';
import { count, counted, h, setData, setText, svg } from './dom.js';
import { MixBar, mixOf } from './emotions.js';
import { EventList } from './events.js';
import { Actions, AddForm } from './manage.js';
import { droppedOf, facesOf, health, sentenceOf, StatePill } from './state.js';

const MIX_BUCKETS = 6; // of 10 s: the mix is that of the last minute

function dropsOf(stream) {
  const dropped = droppedOf(stream);
  const reasons = Object.entries(stream.ledger.dropped).filter(([, number]) => number);
  return dropped ? `${count(dropped)} dropped (${reasons.map(([reason, number]) => `${reason} ${count(number)}`).join(', ')})` : 'none dropped';
}

class Card {
  constructor(id) {
    this.id = id;
    this.pill = new StatePill();
    this.mix = new MixBar();
    this.sentence = h('p', { class: 'sentence' });
    this.faces = h('strong', { class: 'big' });
    this.facesUnit = h('span', { class: 'unit' });
    this.spark = svg('svg', { class: 'spark', 'aria-hidden': 'true' });
    this.ledger = h('p', { class: 'ledger' });
    this.actions = new Actions(id);
    this.element = h('li', { class: 'card' },
      h('div', { class: 'card-head' }, h('h2', {}, h('a', { href: `/streams/${id}` }, id)), this.pill.element),
      this.sentence,
      h('div', { class: 'now' }, h('p', { class: 'faces' }, this.faces, this.facesUnit),
        h('div', { class: 'spark-box' }, this.spark, h('span', { class: 'unit' }, 'faces, last 15 min'))),
      this.mix.element, this.ledger, this.actions.element);
  }

  update(stream) {
    setData(this.element, 'tone', health(stream).tone);
    this.pill.update(stream);
    setText(this.sentence, sentenceOf(stream));
    setText(this.faces, facesOf(stream));
    setText(this.facesUnit, stream.faces_now === 1 ? 'face now' : 'faces now');
    setText(this.ledger, `${counted(stream.ledger.events, 'event')} · ${dropsOf(stream)} · ${count(stream.ledger.queued)} queued`);
    this.actions.update(stream);
    this.events = stream.ledger.events;
  }

  // The timeline changes only with events: a quiet stream is not asked again and again.
  async refresh(everything) {
    if (!everything && this.drawn === this.events) return;
    this.drawn = this.events;
    const timeline = await get(`/v1/streams/${this.id}/timeline?window=15m&step=10s`);
    sparkline(this.spark, finished(timeline));
    this.mix.update(mixOf(timeline.buckets.slice(-MIX_BUCKETS)), 'no faces in the last minute');
  }
}

const EMPTY = [
  h('h2', {}, 'No stream yet'),
  h('p', {}, 'Start the built-in demo camera with ', h('code', {}, 'moodline up'), ', or watch your own camera, webcam or file:'),
  h('pre', {}, 'moodline up --source rtsp://camera.local/stream\nmoodline up --source 0\nmoodline up --source holiday.mp4'),
  h('p', {}, 'Streams appear here as soon as the ingest service knows them.'),
];

export class Overview {
  constructor() {
    this.cards = new Map();
    this.grid = h('ul', { class: 'cards', 'aria-label': 'Streams' });
    this.empty = h('section', { class: 'panel empty', hidden: true }, EMPTY);
    this.events = new EventList({ withStream: true });
    this.events.load('');
    this.element = h('div', { class: 'overview' }, h('h1', { class: 'unseen' }, 'All streams'), this.empty,
      h('div', { class: 'streams' }, this.grid, new AddForm().element), this.events.element);
    this.title = 'moodline';
    this.query = '';
    this.stops = [repeat(() => this.refresh(), 3000), repeat(() => this.refresh(true), 30000)];
  }

  update(streams) {
    this.empty.hidden = streams.length > 0;
    this.events.element.hidden = streams.length === 0;
    for (const stream of streams) {
      if (!this.cards.has(stream.id)) this.add(stream.id);
      this.cards.get(stream.id).update(stream);
    }
    const known = new Set(streams.map((stream) => stream.id));
    for (const [id, card] of this.cards) if (!known.has(id)) this.remove(id, card);
  }

  add(id) {
    const card = new Card(id);
    this.cards.set(id, card);
    this.grid.append(card.element);
    card.refresh(true).catch(() => {});
  }

  remove(id, card) {
    card.element.remove();
    this.cards.delete(id);
  }

  async refresh(everything = false) {
    for (const card of [...this.cards.values()]) await card.refresh(everything).catch(() => {});
  }

  onEvent(event) {
    this.events.add(event);
  }

  onMissed({ missed, in_feed: inFeed }) {
    this.events.missed(missed, inFeed);
  }

  end() {
    this.stops.forEach((stop) => stop());
    this.events.end();
  }
}
