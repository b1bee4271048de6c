// The emotions in one order, from pleasant to unpleasant, and how a mix of them is drawn.

import { h, percent, setText } from './dom.js';

export const EMOTIONS = ['happy', 'surprise', 'neutral', 'sad', 'fear', 'disgust', 'angry'];

export const swatch = (emotion) => h('i', { class: 'swatch', 'data-emotion': emotion, 'aria-hidden': 'true' });

export const label = (emotion) => h('span', { class: 'label' }, swatch(emotion), emotion);

// Sums an emotion over the buckets of a timeline.
export function mixOf(buckets) {
  const counts = Object.fromEntries(EMOTIONS.map((emotion) => [emotion, 0]));
  for (const bucket of buckets) {
    for (const emotion of EMOTIONS) counts[emotion] += bucket.emotions[emotion] ?? 0;
  }
  return counts;
}

export const total = (counts) => EMOTIONS.reduce((sum, emotion) => sum + counts[emotion], 0);

// A bar of seven segments with the shares written below it, largest first.
export class MixBar {
  constructor() {
    this.segments = EMOTIONS.map((emotion) => h('i', { class: 'segment', 'data-emotion': emotion }));
    this.shares = h('p', { class: 'shares' });
    this.bar = h('div', { class: 'mix', 'aria-hidden': 'true' }, this.segments);
    this.element = h('div', {}, this.bar, this.shares);
  }

  update(counts, empty) {
    const sum = total(counts);
    this.bar.toggleAttribute('data-empty', sum === 0);
    this.segments.forEach((segment) => {
      const number = counts[segment.dataset.emotion];
      segment.hidden = number === 0;
      segment.style.flexGrow = sum ? number / sum : 0;
    });
    if (sum === 0) return setText(this.shares, empty);
    const seen = EMOTIONS.filter((emotion) => counts[emotion] / sum >= 0.005);
    seen.sort((one, other) => counts[other] - counts[one]);
    this.shares.replaceChildren(
      ...seen.slice(0, 4).map((emotion) => h('span', {}, label(emotion), ` ${percent(counts[emotion] / sum)}`)),
    );
  }
}
