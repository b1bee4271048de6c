// Adds streams, pauses and removes them: a form below the cards, and two buttons on the cards of such streams.

import { send } from './client.js';
import { h, setText } from './dom.js';

export class AddForm {
  constructor() {
    this.id = h('input', { id: 'new-id', required: true, autocomplete: 'off', spellcheck: 'false', placeholder: 'front-door' });
    this.url = h('input', { id: 'new-url', required: true, autocomplete: 'off', spellcheck: 'false', placeholder: 'rtsp://viewer:${CAMERA_NAME}@camera.local/1' });
    this.said = h('p', { class: 'note', role: 'status' });
    this.form = h('form', { onsubmit: (event) => this.submit(event) },
      h('label', { for: 'new-id' }, 'Name'), this.id, h('label', { for: 'new-url' }, 'Source'), this.url,
      h('button', { type: 'submit' }, 'Add'), this.said);
    this.element = h('details', { class: 'panel manage' }, h('summary', {}, 'Add a stream'), this.form,
      h('p', { class: 'unit' }, 'A camera’s address, a file, or demo. A password stands as ', h('code', {}, '${CAMERA_NAME}'),
        ' in the environment of ingest. ', h('code', {}, 'api.stream_sources'), ' says which sources are allowed.'));
  }

  async submit(event) {
    event.preventDefault();
    setText(this.said, '');
    try {
      await send('POST', '/v1/streams', { id: this.id.value.trim(), url: this.url.value.trim() });
      setText(this.said, `${this.id.value.trim()} is added; it is shown here in a moment.`);
      this.form.reset();
    } catch (error) {
      setText(this.said, error.message);
    }
  }
}

// Of streams that were added at run time; those of a file are changed in the file.
export class Actions {
  constructor(id) {
    this.path = `/v1/streams/${encodeURIComponent(id)}`;
    this.pause = h('button', { type: 'button', onclick: () => this.act('PATCH', { enabled: !this.enabled }) });
    this.remove = h('button', { type: 'button', onclick: () => this.ask(id) }, 'Remove');
    this.said = h('span', { class: 'unit', role: 'status' });
    this.element = h('p', { class: 'actions', hidden: true }, this.pause, this.remove, this.said);
    this.id = id;
  }

  update({ declared, enabled }) {
    this.element.hidden = declared !== 'api';
    this.enabled = enabled;
    setText(this.pause, enabled ? 'Pause' : 'Resume');
    this.pause.setAttribute('aria-label', `${this.pause.textContent} ${this.id}`);
  }

  ask(id) {
    if (confirm(`Remove the stream ${id}? Faces of it that wait are dropped.`)) this.act('DELETE');
  }

  async act(method, body) {
    setText(this.said, '');
    await send(method, this.path, body).catch((error) => setText(this.said, error.message));
  }
}
