// The key to the API, asked for once and kept for as long as this tab lives.

import { h, setText } from './dom.js';

const STORED = 'moodline-key';

let asking = null;
let declined = false;

// A refusal that another key would change; every other one is told to the user.
export const isAboutTheKey = (status, detail) => status === 401 || (status === 403 && detail.startsWith('This key'));

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
    h('button', { type: 'submit' }, 'Open'), ' ',
    h('button', { type: 'button', onclick: () => dialog.close() }, 'Not now'));
  const dialog = h('dialog', { class: 'panel key', 'aria-labelledby': 'key-title', 'aria-describedby': 'key-reason' }, form);
  return { input, form, dialog };
}

function open(sentence) {
  const { input, form, dialog } = build(sentence);
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => { // by Escape, or by its button
      dialog.remove();
      resolve(false);
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      sessionStorage.setItem(STORED, input.value.trim());
      dialog.remove();
      resolve(true);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

// Resolves with whether there is another key than `used`; whoever asks meanwhile waits for the same. A user who has
// declined is not asked again, but by what the user does: that insists.
export async function askForKey(used, sentence, insists = false) {
  if (currentKey() !== used) return true;
  if (declined && !insists) return false;
  asking ??= open(sentence || 'This key is refused.').finally(() => { asking = null; });
  const given = await asking;
  declined = !given;
  return given;
}
