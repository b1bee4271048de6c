// What the state of a stream means to the person who looks.

import { duration, h, setData, setText } from './dom.js';

const STATES = {
  live: ['good', 'live'],
  connecting: ['wait', 'connecting'],
  stalled: ['bad', 'stalled'],
  auth_failed: ['bad', 'password refused'],
  not_found: ['bad', 'not found'],
  unsupported: ['bad', 'cannot be read'],
  ended: ['rest', 'ended'],
  stopped: ['rest', 'stopped'],
};
const LATE_S = 15;

// A stream that says it is live but has sent nothing for a while has lost its reader: that is down, too.
export function health(stream) {
  const late = stream.kind === 'live' && stream.state === 'live' && (stream.last_frame_age_s ?? 0) > LATE_S;
  const [tone, word] = late ? ['bad', 'silent'] : (STATES[stream.state] ?? ['wait', stream.state]);
  return { tone, word, late };
}

export class StatePill {
  constructor() {
    this.element = h('span', { class: 'state' });
  }

  update(stream) {
    const { tone, word } = health(stream);
    setData(this.element, 'tone', tone);
    setText(this.element, word);
  }
}

export function sentenceOf(stream) {
  const { tone, late } = health(stream);
  if (late) return `No frame for ${duration(stream.last_frame_age_s)}; is the ingest service running?`;
  if (tone !== 'good' && stream.sentence) return stream.sentence;
  const size = stream.width ? `${stream.width} × ${stream.height}` : 'size unknown';
  const age = stream.last_frame_age_s === null ? 'no frame yet' : `last frame ${duration(stream.last_frame_age_s)} ago`;
  return `${size}, ${stream.fps.toFixed(1)} frames/s, ${age}`;
}

export const droppedOf = (stream) => Object.values(stream.ledger.dropped).reduce((sum, number) => sum + number, 0);
