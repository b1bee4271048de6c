// The WebSocket by which pictures go out and events come back. Connects again until it is ended.

import { currentKey } from './key.js';

const AGAIN_MS = 2000;
const MOST_ON_THE_WAY = 2; // what has been sent and not yet taken: more would only wait somewhere and grow old
const NUMBER_BYTES = 4;
const REMEMBERED = 64;

export class WebcamLink {
  constructor({ onReady, onEvent, onStatus, onProblem, onClosed }) {
    this.on = { onReady, onEvent, onStatus, onProblem, onClosed };
    this.ended = false;
    this.open();
  }

  open() {
    const key = currentKey();
    const protocols = ['moodline.v1', ...(key ? [`moodline.key.${key}`] : [])];
    this.socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/webcam`, protocols);
    this.number = 0;
    this.onTheWay = 0;
    this.ready = false;
    this.sentAt = new Map();
    this.socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    this.socket.onclose = () => this.closed();
  }

  get mayLeave() {
    return this.ready && this.onTheWay < MOST_ON_THE_WAY && this.socket.bufferedAmount === 0;
  }

  async send(blob) {
    const picture = new Uint8Array(NUMBER_BYTES + blob.size);
    picture.set(new Uint8Array(await blob.arrayBuffer()), NUMBER_BYTES);
    if (!this.mayLeave || blob.size > this.largest) return false;
    this.number += 1;
    new DataView(picture.buffer).setUint32(0, this.number);
    this.sentAt.set(this.number, performance.now());
    this.sentAt.delete(this.number - REMEMBERED);
    this.onTheWay += 1;
    this.socket.send(picture);
    return true;
  }

  take({ event, data }) {
    if (event === 'ready') {
      this.ready = true;
      this.largest = data.max_picture;
      this.on.onReady(data);
    } else if (event === 'taken' || event === 'left_out') this.onTheWay -= 1;
    else if (event === 'status') this.on.onStatus(data);
    else if (event === 'problem') this.on.onProblem(data.detail);
    else if (data.track) this.on.onEvent(data, performance.now() - this.sentAt.get(data.frame));
  }

  closed() {
    this.ready = false;
    if (this.ended) return;
    this.on.onClosed();
    this.timer = setTimeout(() => this.open(), AGAIN_MS);
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    this.socket.close();
  }
}
