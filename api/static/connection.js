// The page's connection to moodline: the pill in its head, a banner while something is wrong, and a sentence spoken once.

import { h, setData, setText } from './dom.js';
import { currentKey } from './key.js';

const GIVE_A_KEY = 'Load this page again to give one.';

// What keeps the page from its answers, in a word and in a sentence.
export function troubleOf({ status, message }) {
  if (!status) return { word: 'offline', sentence: 'moodline does not answer; what is shown is old. The page goes on asking.' };
  if (status === 401) return { word: currentKey() ? 'key refused' : 'key missing', sentence: `${message} ${GIVE_A_KEY}` };
  if (status === 403) return { word: 'not allowed', sentence: message };
  if (status === 429) return { word: 'too many requests', sentence: message };
  return { word: 'trouble', sentence: message };
}

export class Connection {
  constructor() {
    this.pill = document.getElementById('link');
    this.announce = document.getElementById('announce');
    this.banner = h('p', { class: 'banner', 'data-tone': 'bad', hidden: true });
    this.trouble = '';
  }

  good() {
    this.show('good', 'connected');
    if (this.trouble) this.say('Connected again.');
    this.trouble = '';
  }

  wait() {
    this.show('wait', 'connecting');
  }

  // Spoken when it begins or becomes another one, not with every question that fails.
  fail(error) {
    const { word, sentence } = troubleOf(error);
    this.show('bad', word, sentence);
    if (this.trouble !== word) this.say(sentence);
    this.trouble = word;
  }

  say(sentence) {
    setText(this.announce, sentence);
  }

  show(tone, word, sentence = '') {
    setData(this.pill, 'link', tone);
    setText(this.pill, word);
    setText(this.banner, sentence);
    this.banner.hidden = !sentence;
    document.body.toggleAttribute('data-old', Boolean(sentence));
  }
}
