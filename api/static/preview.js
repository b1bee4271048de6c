// What a stream sees, with boxes over it: off until it is asked for, and asked for only while somebody looks.

import { Boxes } from './boxes.js';
import { getBlob, repeat } from './client.js';
import { h, setText } from './dom.js';

const EVERY_MS = 250;
const PATIENCE = 12; // answers without a picture before the page says so

const MODES = {
  blurred: 'Faces are blurred. The picture is made while you look, and stored nowhere.',
  clear: 'The picture is made while you look, and stored nowhere.',
};

export class Preview {
  constructor(id) {
    this.path = `/v1/streams/${encodeURIComponent(id)}/preview`;
    this.picture = h('canvas', { role: 'img', 'aria-label': 'What the stream sees now' });
    this.overlay = h('canvas', { 'aria-hidden': 'true' });
    this.boxes = new Boxes(this.overlay);
    this.stage = h('div', { class: 'stage', hidden: true }, this.picture, this.overlay);
    this.note = h('p', { class: 'note' });
    this.button = h('button', { type: 'button', 'aria-pressed': 'false', onclick: () => (this.stop ? this.end() : this.begin()) }, 'Show');
    this.element = h('section', { class: 'panel', 'aria-labelledby': 'preview-title', hidden: true },
      h('div', { class: 'panel-head' }, h('h2', { id: 'preview-title' }, 'Live picture'), this.button), this.note, this.stage);
  }

  update({ preview }) {
    this.element.hidden = preview === 'off';
    if (!this.missing || this.missing < PATIENCE) setText(this.note, MODES[preview] ?? '');
    if (preview === 'off') this.end();
  }

  begin() {
    this.button.setAttribute('aria-pressed', 'true');
    setText(this.button, 'Hide');
    this.missing = 0;
    this.stop = repeat(() => this.refresh(), EVERY_MS);
  }

  end() {
    this.stop?.();
    this.stop = null;
    this.stage.hidden = true;
    this.button.setAttribute('aria-pressed', 'false');
    setText(this.button, 'Show');
  }

  async refresh() {
    const blob = await getBlob(this.path).catch(() => null);
    if (!this.stop) return;
    this.missing = blob ? 0 : this.missing + 1;
    if (!blob) {
      if (this.missing < PATIENCE) return;
      this.stage.hidden = true;
      setText(this.note, 'No picture comes: the stream or ingest is away.');
      return;
    }
    await this.draw(blob);
  }

  async draw(blob) {
    const image = await createImageBitmap(blob);
    this.stage.hidden = false;
    this.stage.style.aspectRatio = `${image.width} / ${image.height}`;
    Object.assign(this.picture, { width: image.width, height: image.height });
    this.picture.getContext('2d').drawImage(image, 0, 0);
    image.close();
    this.boxes.draw();
  }

  onEvent(event) {
    this.boxes.onEvent(event);
  }
}
