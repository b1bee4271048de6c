// Stacked areas of emotions over time, in SVG: a large one with axes and a cursor, and a small one for cards.

import { clock, count, day, h, percent, svg } from './dom.js';
import { EMOTIONS, label } from './emotions.js';

// Returns, for each emotion, the lower and upper edge of its area at each bucket.
function stack(buckets, asShare) {
  const floor = buckets.map(() => 0);
  const sums = buckets.map((bucket) => (asShare && bucket.faces ? bucket.faces : 1));
  return EMOTIONS.map((emotion) => {
    const edges = buckets.map((bucket, index) => {
      const lower = floor[index];
      floor[index] += (bucket.emotions[emotion] ?? 0) / sums[index];
      return [lower, floor[index]];
    });
    return { emotion, edges };
  });
}

function areaPath(edges, x, y) {
  const upper = edges.map(([, top], index) => `${x(index)} ${y(top)}`);
  const lower = edges.map(([bottom], index) => `${x(index)} ${y(bottom)}`).reverse();
  return `M${upper.concat(lower).join('L')}Z`;
}

function areas(buckets, asShare, x, y) {
  return stack(buckets, asShare)
    .filter(({ edges }) => edges.some(([bottom, top]) => top > bottom))
    .map(({ emotion, edges }) => svg('path', { class: 'area', 'data-emotion': emotion, d: areaPath(edges, x, y) }));
}

// The next round number of the form 1, 2 or 5 times a power of ten, and at least 2 so that half of it is whole.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 2)));
  return [1, 2, 4, 6, 8, 10].map((factor) => factor * power).find((candidate) => candidate >= value && candidate >= 2);
}

// The step that is under way looks like a fall; it is drawn when it is over.
export function finished({ buckets, step_s: step }) {
  const last = buckets.at(-1);
  return last && new Date(last.at).getTime() + step * 1000 > Date.now() ? buckets.slice(0, -1) : buckets;
}

const scale = (size, steps, offset = 0) => (index) => (offset + (index * size) / Math.max(1, steps)).toFixed(1);

export function sparkline(element, buckets) {
  const width = 240;
  const height = 44;
  const highest = Math.max(1, ...buckets.map((bucket) => bucket.faces));
  const y = (value) => (height - (value / highest) * (height - 2)).toFixed(1);
  element.setAttribute('viewBox', `0 0 ${width} ${height}`);
  element.setAttribute('preserveAspectRatio', 'none');
  element.replaceChildren(...areas(buckets, false, scale(width, buckets.length - 1), y));
}

const MARGIN = { top: 10, right: 8, bottom: 24, left: 44 };

export class TimelineChart {
  constructor() {
    this.height = 260;
    this.canvas = svg('svg', { class: 'chart', role: 'img', height: this.height });
    this.readout = h('figcaption', { class: 'readout', 'aria-live': 'polite' });
    this.frame = h('div', { class: 'frame', role: 'group', tabindex: 0, 'aria-label': 'Timeline; arrow keys move the cursor' }, this.canvas);
    this.element = h('figure', { class: 'figure' }, this.frame, this.readout);
    this.timeline = null;
    this.buckets = [];
    this.cursor = null;
    new ResizeObserver(() => this.draw()).observe(this.frame);
    this.frame.addEventListener('pointermove', (event) => this.point(event));
    this.frame.addEventListener('pointerleave', () => this.moveTo(null));
    this.frame.addEventListener('keydown', (event) => this.press(event));
  }

  update(timeline, asShare) {
    this.timeline = timeline;
    this.buckets = finished(timeline);
    this.asShare = asShare;
    this.draw();
  }

  draw() {
    const width = this.frame.clientWidth;
    if (!width || !this.timeline) return;
    this.plotWidth = width - MARGIN.left - MARGIN.right;
    const plotHeight = this.height - MARGIN.top - MARGIN.bottom;
    const highest = this.asShare ? 1 : roundUp(Math.max(...this.buckets.map((bucket) => bucket.faces), 0));
    this.x = scale(this.plotWidth, this.buckets.length - 1, MARGIN.left);
    const y = (value) => (MARGIN.top + plotHeight * (1 - value / highest)).toFixed(1);
    this.line = svg('line', { class: 'cursor', y1: MARGIN.top, y2: MARGIN.top + plotHeight, visibility: 'hidden' });
    this.canvas.setAttribute('width', width);
    this.canvas.setAttribute('aria-label', this.describe());
    this.canvas.replaceChildren(
      ...this.rules(highest, y, width),
      ...areas(this.buckets, this.asShare, this.x, y),
      ...this.times(),
      this.line,
    );
    this.moveTo(this.cursor);
  }

  describe() {
    const faces = this.buckets.reduce((sum, bucket) => sum + bucket.faces, 0);
    return `Emotions over time: ${count(faces)} faces classified in ${this.buckets.length} steps.`;
  }

  rules(highest, y, width) {
    return [0, highest / 2, highest].flatMap((value) => [
      svg('line', { class: 'rule', x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
      svg('text', { class: 'tick', x: MARGIN.left - 8, y: Number(y(value)) + 4, 'text-anchor': 'end' },
        this.asShare ? percent(value) : count(value)),
    ]);
  }

  times() {
    const steps = Math.max(2, Math.min(6, Math.floor(this.plotWidth / 90)));
    const last = this.buckets.length - 1;
    const marks = Array.from({ length: steps + 1 }, (_, mark) => Math.round((mark * last) / steps));
    return [...new Set(marks)].map((index) =>
      svg('text', { class: 'tick', x: this.x(index), y: this.height - 6,
        'text-anchor': index === 0 ? 'start' : index === last ? 'end' : 'middle' }, this.timeLabel(index)));
  }

  timeLabel(index) {
    const at = new Date(this.buckets[index].at);
    return this.timeline.window_s > 172800 ? day(at) : clock(at, this.timeline.step_s < 60);
  }

  point(event) {
    const offset = event.clientX - this.frame.getBoundingClientRect().left - MARGIN.left;
    this.moveTo(Math.round((offset / this.plotWidth) * (this.buckets.length - 1)));
  }

  press(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === 'Escape') return this.moveTo(null);
    if (!move) return undefined;
    event.preventDefault();
    return this.moveTo((this.cursor ?? this.buckets.length) + move);
  }

  moveTo(index) {
    const last = this.buckets.length - 1;
    this.cursor = index === null || last < 0 ? null : Math.max(0, Math.min(last, index));
    if (this.line) this.line.setAttribute('visibility', this.cursor === null ? 'hidden' : 'visible');
    if (this.cursor === null) return this.readout.replaceChildren('Point at the chart, or use the arrow keys, to read a moment.');
    this.line.setAttribute('x1', this.x(this.cursor));
    this.line.setAttribute('x2', this.x(this.cursor));
    return this.readout.replaceChildren(...this.read(this.buckets[this.cursor]));
  }

  read(bucket) {
    const at = new Date(bucket.at);
    const seen = EMOTIONS.filter((emotion) => bucket.emotions[emotion]);
    return [
      h('strong', {}, `${this.timeline.window_s > 86400 ? `${day(at)} ` : ''}${clock(at)}`),
      ...(seen.length ? [] : [h('span', {}, 'no faces')]),
      ...seen.map((emotion) => h('span', {}, label(emotion), ` ${count(bucket.emotions[emotion])}`)),
    ];
  }
}
