// Links that hand out what the API says as a file. A link can send no key, so where there is one the page asks itself.

import { getBlob } from './client.js';
import { h } from './dom.js';
import { currentKey } from './key.js';

export async function save(path, name) {
  const address = URL.createObjectURL(await getBlob(path));
  h('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

export class Download {
  constructor(text, what) {
    this.element = h('a', { download: true, 'aria-label': what, onclick: (event) => {
      if (!currentKey()) return;
      event.preventDefault();
      save(this.path, this.name).catch(() => {}); // the page says itself that moodline is away
    } }, text);
  }

  update(path, name) {
    this.path = path;
    this.name = name;
    this.element.href = path;
    this.element.download = name;
  }
}
