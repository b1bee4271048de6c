// The page of one stream: its timeline, the faces in view, the last events, latency and drops.

import { get, repeat } from './client.js';
import { TimelineChart } from './chart.js';
import { count, h, milliseconds, percent, setText } from './dom.js';
import { Download } from './download.js';
import { EMOTIONS, label, mixOf, total } from './emotions.js';
import { EventList } from './events.js';
import { FacesInView } from './faces.js';
import { Preview } from './preview.js';
import { facesOf, sentenceOf, StatePill } from './state.js';

const WINDOWS = [['15m', '10s', '15 min'], ['1h', '1m', '1 hour'], ['6h', '5m', '6 hours'], ['1d', '15m', '1 day'], ['7d', '1h', '7 days']];
const LATENCIES = 200;

const MEANING = {
  stale: 'older than max_age before a worker was free',
  overflow: 'the crop queue was full',
  unreadable: 'sealed with another key',
  poison: 'no crop that can be read',
  removed: 'the stream was removed',
};

function fact(name) {
  const value = h('dd', {}, '–');
  return { element: h('div', {}, h('dt', {}, name), value), set: (text) => setText(value, text) };
}

function quantile(values, share) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

function choice(name, options, chosen, onChange) {
  const inputs = options.map(([value, text]) => h('label', {},
    h('input', { type: 'radio', name, value, checked: value === chosen, onchange: () => onChange(value) }), h('span', {}, text)));
  return h('fieldset', { class: 'choice' }, h('legend', { class: 'unseen' }, name), inputs);
}

export class StreamPage {
  constructor(id) {
    this.id = id;
    this.title = `${id} – moodline`;
    this.query = `stream=${encodeURIComponent(id)}`;
    this.window = '15m';
    this.asShare = false;
    this.latencies = [];
    this.pill = new StatePill();
    this.sentence = h('p', { class: 'sentence' });
    this.source = h('p', { class: 'source' });
    this.chart = new TimelineChart();
    this.legend = h('ul', { class: 'legend', 'aria-label': 'Share of each emotion in this window' });
    this.facts = { faces: fact('Faces now'), p50: fact('Latency, median'), p95: fact('Latency, 95th percentile'), frames: fact('Frames analysed'), reconnects: fact('Reconnects') };
    this.faces = new FacesInView();
    this.preview = new Preview(id);
    this.downloads = { csv: new Download('CSV', 'This timeline as CSV'), json: new Download('JSON', 'This timeline as JSON') };
    this.events = new EventList({ withStream: false });
    this.ledger = h('div', {});
    this.known = false;
    this.body = h('div', { hidden: true }, ...this.parts());
    this.element = h('div', {}, h('p', { class: 'back' }, h('a', { href: '/' }, '← All streams')),
      h('div', { class: 'page-head' }, h('h1', {}, id), this.pill.element), this.sentence, this.body);
    this.stops = [];
  }

  // What there is to show is asked for as soon as the stream is known, which may be later than this page.
  begin() {
    this.known = true;
    this.body.hidden = false;
    this.events.load(this.query);
    this.measureRecent().catch(() => {});
    this.stops = [repeat(() => this.refresh(), 3000)];
  }

  parts() {
    const facts = Object.values(this.facts).map((one) => one.element);
    return [
      this.source,
      h('dl', { class: 'facts' }, facts),
      this.timelinePanel(),
      h('div', { class: 'columns' }, h('div', {}, this.preview.element, this.faces.element, this.ledgerPanel()), this.events.element),
    ];
  }

  timelinePanel() {
    const windows = WINDOWS.map(([value, , text]) => [value, text]);
    const measures = [['faces', 'Faces'], ['share', 'Shares']];
    return h('section', { class: 'panel', 'aria-labelledby': 'timeline-title' },
      h('div', { class: 'panel-head' }, h('h2', { id: 'timeline-title' }, 'Emotions over time'),
        choice('Measure', measures, 'faces', (value) => this.show({ asShare: value === 'share' })),
        choice('Window', windows, this.window, (value) => this.show({ window: value }))),
      this.chart.element, this.legend,
      h('p', { class: 'downloads' }, 'Download ', this.downloads.csv.element, ' · ', this.downloads.json.element));
  }

  ledgerPanel() {
    return h('section', { class: 'panel', 'aria-labelledby': 'ledger-title' },
      h('div', { class: 'panel-head' }, h('h2', { id: 'ledger-title' }, 'Ledger')), this.ledger);
  }

  show(change) {
    Object.assign(this, change);
    return this.refresh();
  }

  async refresh() {
    const asked = this.window;
    const [, step] = WINDOWS.find(([value]) => value === asked);
    for (const [form, link] of Object.entries(this.downloads)) {
      link.update(`/v1/streams/${this.id}/timeline?window=${asked}&step=${step}&format=${form}`, `moodline-${this.id}-${asked}.${form}`);
    }
    try {
      const timeline = await get(`/v1/streams/${this.id}/timeline?window=${asked}&step=${step}`);
      if (asked === this.window) this.draw(timeline);
    } catch {
      // The page's own question for the streams says that moodline is away.
    }
  }

  draw(timeline) {
    this.chart.update(timeline, this.asShare);
    const mix = mixOf(timeline.buckets);
    const sum = total(mix);
    const seen = EMOTIONS.filter((emotion) => mix[emotion]);
    this.legend.replaceChildren(...seen.map((emotion) => h('li', {}, label(emotion), ` ${percent(mix[emotion] / sum)}`)));
    if (!seen.length) this.legend.replaceChildren(h('li', {}, 'No faces in this window.'));
  }

  update(streams) {
    const stream = streams.find((one) => one.id === this.id);
    if (!stream) return setText(this.sentence, 'There is no stream of this name yet. It is shown here as soon as there is one.');
    if (!this.known) this.begin();
    this.pill.update(stream);
    setText(this.sentence, sentenceOf(stream));
    this.facts.faces.set(facesOf(stream));
    this.facts.frames.set(count(stream.frames));
    this.facts.reconnects.set(count(stream.reconnects));
    setText(this.source, stream.source);
    this.preview.update(stream);
    return this.drawLedger(stream);
  }

  drawLedger({ ledger, skipped }) {
    const text = JSON.stringify([ledger, skipped]);
    if (text === this.drawnLedger) return;
    this.drawnLedger = text;
    const dropped = Object.entries(ledger.dropped).filter(([, number]) => number);
    const rows = [
      ['accepted crops', ledger.accepted, 'all of them are accounted for below'],
      ['became events', ledger.events, ''],
      ['wait or are in work', ledger.queued, ''],
      ...dropped.map(([reason, number]) => [`dropped: ${reason}`, number, MEANING[reason] ?? '']),
      ...(dropped.length ? [] : [['dropped', 0, '']]),
      ...Object.entries(skipped).filter(([, number]) => number).map(([reason, number]) => [`skipped: ${reason}`, number, 'never accepted']),
    ];
    this.ledger.replaceChildren(h('table', {}, h('caption', { class: 'unseen' }, 'What became of every crop'),
      h('tbody', {}, rows.map(([name, number, meaning]) =>
        h('tr', {}, h('th', { scope: 'row' }, name, meaning ? h('small', {}, meaning) : null), h('td', {}, count(number)))))));
  }

  onEvent(event) {
    this.events.add(event);
    this.faces.onEvent(event);
    this.preview.onEvent(event);
    if (event.kind === 'emotion') this.measure([event]);
  }

  async measureRecent() {
    const { events } = await get(`/v1/events/recent?limit=${LATENCIES}&kind=emotion&${this.query}`);
    this.measure(events.reverse());
  }

  measure(events) {
    this.latencies.push(...events.map((event) => Math.max(...Object.values(event.latency_ms))));
    this.latencies = this.latencies.slice(-LATENCIES);
    if (!this.latencies.length) return;
    this.facts.p50.set(milliseconds(quantile(this.latencies, 0.5)));
    this.facts.p95.set(milliseconds(quantile(this.latencies, 0.95)));
  }

  onMissed({ missed, in_feed: inFeed }) {
    this.events.missed(missed, inFeed);
  }

  end() {
    this.stops.forEach((stop) => stop());
    this.preview.end();
    this.faces.end();
    this.events.end();
  }
}
