// What the state of a stream means to the person who looks.

import { count, duration, h, setData, setText } from './dom.js';

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
  if (stream.unheard_s !== undefined) return { tone: 'rest', word: 'unknown', late: false };
  const late = stream.kind === 'live' && stream.state === 'live' && (stream.last_frame_age_s ?? 0) > LATE_S;
  const [tone, word] = late ? ['bad', 'silent'] : (STATES[stream.state] ?? ['wait', stream.state]);
  return { tone, word, late };
}

// The streams as they were when moodline answered last.
export const unheardFor = (streams, seconds) => streams.map((stream) => ({ ...stream, unheard_s: seconds }));

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
  const { unheard_s: unheard, ...known } = stream;
  if (unheard !== undefined) return `Last heard of ${duration(unheard)} ago: ${health(known).word}.`;
  const { tone, late } = health(stream);
  if (late) return `No frame for ${duration(stream.last_frame_age_s)}; is the ingest service running?`;
  if (tone !== 'good' && stream.sentence) return stream.sentence;
  const size = stream.width ? `${stream.width} × ${stream.height}` : 'size unknown';
  const age = stream.last_frame_age_s === null ? 'no frame yet' : `last frame ${duration(stream.last_frame_age_s)} ago`;
  return `${size}, ${stream.fps.toFixed(1)} frames/s, ${age}`;
}

// Who is in view is known only while moodline answers.
export const facesOf = (stream) => (stream.unheard_s === undefined ? count(stream.faces_now) : '–');

export const droppedOf = (stream) => Object.values(stream.ledger.dropped).reduce((sum, number) => sum + number, 0);
