// Boxes with emotions over a picture, on a canvas that lies on it. Shared by the webcam and the preview.

import { percent } from './dom.js';

const FORGET_AFTER_MS = 1500;
const SAME_MOMENT_MS = 700; // a face that the newest picture does not show has gone, though nobody has said so yet
const LINE = 3;
const FONT = 15;

export class Boxes {
  constructor(canvas) {
    this.canvas = canvas;
    this.faces = new Map();
    this.mirrored = false;
  }

  // Keeps the newest event of each face.
  onEvent(event) {
    if (event.kind === 'face_left') this.faces.delete(event.track);
    else this.faces.set(event.track, { event, at: performance.now(), captured: Date.parse(event.captured_at) });
  }

  // The faces that were seen a moment ago, largest first.
  current() {
    const now = performance.now();
    const newest = Math.max(...[...this.faces.values()].map(({ captured }) => captured));
    for (const [track, { at, captured }] of this.faces) {
      if (now - at > FORGET_AFTER_MS || newest - captured > SAME_MOMENT_MS) this.faces.delete(track);
    }
    return [...this.faces.values()].map(({ event }) => event).sort((one, other) => other.box.width - one.box.width);
  }

  clear() {
    this.faces.clear();
    this.draw();
  }

  draw() {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const pen = canvas.getContext('2d');
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(document.documentElement);
    for (const event of this.current()) this.drawOne(pen, event, style, { width, height, ratio });
  }

  drawOne(pen, { box, smoothed }, style, { width, height, ratio }) {
    const across = width / box.frame_width;
    const down = height / box.frame_height;
    const left = (this.mirrored ? box.frame_width - box.x - box.width : box.x) * across;
    const top = box.y * down;
    const colour = style.getPropertyValue(`--${smoothed.emotion}`).trim();
    pen.lineWidth = LINE * ratio;
    pen.strokeStyle = colour;
    pen.strokeRect(left, top, box.width * across, box.height * down);
    this.drawLabel(pen, `${smoothed.emotion} ${percent(smoothed.confidence)}`, { left, top, colour, width, ratio });
  }

  // White on a dark plate can be read on any picture; the emotion's colour is a mark beside the word.
  drawLabel(pen, text, { left, top, colour, width, ratio }) {
    pen.font = `600 ${FONT * ratio}px system-ui, sans-serif`;
    const mark = FONT * 0.7 * ratio;
    const room = 6 * ratio;
    const tall = FONT * 1.7 * ratio;
    const wide = pen.measureText(text).width + mark + 3 * room;
    const x = Math.max(0, Math.min(left - (LINE * ratio) / 2, width - wide));
    const y = top >= tall ? top - tall : top;
    pen.fillStyle = 'rgb(10 14 20 / 82%)';
    pen.fillRect(x, y, wide, tall);
    pen.fillStyle = colour;
    pen.fillRect(x + room, y + (tall - mark) / 2, mark, mark);
    pen.fillStyle = '#fff';
    pen.textBaseline = 'middle';
    pen.fillText(text, x + mark + 2 * room, y + tall / 2);
  }
}
