// The key to the API, asked for once and kept for as long as this tab lives.

import { h, setText } from './dom.js';

const STORED = 'moodline-key';

let asking = null;

export const currentKey = () => sessionStorage.getItem(STORED) ?? '';

export const withKey = (key, headers) => (key ? { ...headers, Authorization: `Bearer ${key}` } : headers);

function build(sentence) {
  const input = h('input', { id: 'key', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true });
  const reason = h('p', { id: 'key-reason' });
  setText(reason, sentence);
  const form = h('form', {},
    h('h2', { id: 'key-title' }, 'This moodline asks for a key'), reason,
    h('label', { for: 'key' }, 'Key'), input,
    h('p', { class: 'unit' }, 'It is kept in this tab alone. ', h('code', {}, 'moodline keys create --scope read'), ' makes one.'),
    h('button', { type: 'submit' }, 'Open'));
  return { input, form, dialog: h('dialog', { class: 'panel key', 'aria-labelledby': 'key-title', 'aria-describedby': 'key-reason' }, form) };
}

function open(sentence) {
  const { input, form, dialog } = build(sentence);
  return new Promise((resolve) => {
    dialog.addEventListener('cancel', (event) => event.preventDefault()); // there is nothing to see without a key
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      sessionStorage.setItem(STORED, input.value.trim());
      dialog.remove();
      resolve();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

// Resolves when there is another key than `used`; whoever asks meanwhile waits for the same.
export async function askForKey(used, sentence) {
  if (currentKey() !== used) return;
  asking ??= open(sentence).finally(() => { asking = null; });
  await asking;
}
