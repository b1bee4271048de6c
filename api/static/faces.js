// The faces in view now: one row a track, with its smoothed emotion.

import { h, percent, setData, setText } from './dom.js';
import { trackNumber } from './events.js';

const FORGET_AFTER_MS = 10000;
const MOST = 32;

class Face {
  constructor(track) {
    this.emotion = h('span', { class: 'label' });
    this.swatch = h('i', { class: 'swatch', 'aria-hidden': 'true' });
    this.word = h('span', {});
    this.emotion.append(this.swatch, this.word);
    this.fill = h('i', {});
    this.share = h('span', { class: 'sure' });
    this.element = h('li', {}, h('span', { class: 'track', title: track }, `face ${trackNumber(track)}`), this.emotion,
      h('span', { class: 'gauge', 'aria-hidden': 'true' }, this.fill), this.share);
  }

  update({ smoothed }) {
    this.seen = performance.now();
    setData(this.swatch, 'emotion', smoothed.emotion);
    setData(this.fill, 'emotion', smoothed.emotion);
    setText(this.word, smoothed.emotion);
    setText(this.share, percent(smoothed.confidence));
    this.fill.style.width = `${smoothed.confidence * 100}%`;
  }
}

export class FacesInView {
  constructor() {
    this.faces = new Map();
    this.list = h('ul', { class: 'faces-list' });
    this.note = h('p', { class: 'note' }, 'No face in view.');
    this.element = h('section', { class: 'panel', 'aria-labelledby': 'faces-title' },
      h('div', { class: 'panel-head' }, h('h2', { id: 'faces-title' }, 'Faces in view')), this.note, this.list);
    this.timer = setInterval(() => this.forget(), 1000);
  }

  onEvent(event) {
    if (event.kind === 'face_left') this.remove(event.track);
    else if (this.faces.has(event.track) || this.faces.size < MOST) this.keep(event);
    this.note.hidden = this.faces.size > 0;
  }

  keep(event) {
    if (!this.faces.has(event.track)) {
      const face = new Face(event.track);
      this.faces.set(event.track, face);
      this.list.append(face.element);
    }
    this.faces.get(event.track).update(event);
  }

  remove(track) {
    this.faces.get(track)?.element.remove();
    this.faces.delete(track);
  }

  forget() {
    const now = performance.now();
    for (const [track, face] of this.faces) if (now - face.seen > FORGET_AFTER_MS) this.remove(track);
    this.note.hidden = this.faces.size > 0;
  }

  end() {
    clearInterval(this.timer);
  }
}
