// The page /webcam: the camera's picture, the boxes over it, and what each face shows.

import { Boxes } from './boxes.js';
import { CameraError, closeCamera, openCamera, Snapshots } from './camera.js';
import { get } from './client.js';
import { troubleOf } from './connection.js';
import { h, milliseconds, percent, setData, setText } from './dom.js';
import { EMOTIONS, label } from './emotions.js';
import { WebcamLink } from './webcam_link.js';

const MOST_SHOWN = 3;
const ROUND_TRIPS = 30;

const part = (id) => document.getElementById(id);
const [video, stage, start, problem, link, streamLink] = ['video', 'stage', 'start', 'problem', 'link', 'stream'].map(part);
const boxes = new Boxes(part('boxes'));
const snapshots = new Snapshots(video);
const camera = { link: null, timer: 0, fps: 8, trips: [], sent: 0, said: '' };

function fact(name) {
  const value = h('dd', {}, '–');
  part('facts').append(h('div', {}, h('dt', {}, name), value));
  return (text = '–') => setText(value, text);
}

const show = { trip: fact('Round trip'), rate: fact('Pictures looked at'), faces: fact('Faces now'), waiting: fact('Crops that wait') };

function setLink(tone, text) {
  setData(link, 'link', tone);
  setText(link, text);
}

function say(sentence) {
  setText(problem, sentence);
  problem.hidden = !sentence;
}

// One face: its steady emotion in words, and the probabilities of its last picture as bars.
class FaceView {
  constructor() {
    this.title = h('p', { class: 'mood' });
    this.bars = Object.fromEntries(EMOTIONS.map((emotion) => [emotion, { fill: h('i', { 'data-emotion': emotion }), share: h('span', { class: 'sure' }) }]));
    this.element = h('div', { class: 'face-view' }, this.title, h('ul', { class: 'probabilities' },
      EMOTIONS.map((emotion) => h('li', {}, label(emotion), h('span', { class: 'gauge', 'aria-hidden': 'true' }, this.bars[emotion].fill), this.bars[emotion].share))));
  }

  update({ smoothed, probabilities }) {
    setText(this.title, `${smoothed.emotion} ${percent(smoothed.confidence)}`);
    for (const emotion of EMOTIONS) {
      const share = probabilities?.[emotion];
      if (share === undefined) continue;
      this.bars[emotion].fill.style.width = `${share * 100}%`;
      setText(this.bars[emotion].share, percent(share));
    }
  }
}

const views = Array.from({ length: MOST_SHOWN }, () => new FaceView());
part('faces').append(...views.map((view) => view.element));

function showFaces() {
  const faces = boxes.current();
  views.forEach((view, index) => {
    view.element.hidden = index >= faces.length;
    if (faces[index]) view.update(faces[index]);
  });
  part('nobody').hidden = faces.length > 0;
  announce(faces[0]?.smoothed.emotion ?? '');
}

// Spoken when the largest face's steady emotion has become another, not with every picture.
function announce(emotion) {
  if (emotion === camera.said || !emotion) return;
  camera.said = emotion;
  setText(part('announce'), `The face looks ${emotion}.`);
}

function onEvent(event, tripMs) {
  boxes.onEvent(event);
  if (event.kind !== 'emotion') return;
  if (Number.isFinite(tripMs)) {
    camera.trips = [...camera.trips, tripMs].slice(-ROUND_TRIPS);
    const sorted = [...camera.trips].sort((one, other) => one - other);
    show.trip(milliseconds(sorted[Math.floor(sorted.length / 2)]));
  }
}

function onStatus(status) {
  show.rate(`${status.fps.toFixed(1)} a second`);
  show.faces(String(status.faces));
  show.waiting(String(status.queued));
  say(status.detail);
}

function onReady({ stream, fps }) {
  setLink('good', 'connected');
  say('');
  Object.assign(camera, { fps, trips: [] });
  streamLink.href = `/streams/${stream}`;
  setText(streamLink, `Stream ${stream} (new tab)`);
  streamLink.hidden = false;
}

// A WebSocket does not say why it cannot be opened, so that is asked for.
async function onClosed() {
  boxes.clear();
  Object.values(show).forEach((forget) => forget());
  const error = await get('/v1/webcam').then(() => null, (refusal) => refusal);
  if (!camera.link || camera.link.ready) return;
  if (!error) return setLink('wait', 'connecting');
  const { word, sentence } = troubleOf(error);
  setLink('bad', word);
  say(error.status ? sentence : 'moodline does not answer. The page goes on trying.');
}

function paint() {
  if (!camera.link) return;
  boxes.draw();
  showFaces();
  camera.painting = requestAnimationFrame(paint);
}

async function sendOne() {
  const begun = performance.now();
  if (camera.link?.mayLeave) {
    const blob = await snapshots.take();
    if (blob) await camera.link?.send(blob);
  }
  if (camera.link) camera.timer = setTimeout(sendOne, Math.max(0, 1000 / camera.fps - (performance.now() - begun)));
}

async function begin() {
  say('');
  start.disabled = true;
  try {
    await get('/v1/webcam'); // asks for a key where one is needed, and tells why no webcam can be taken
    const track = await openCamera(video);
    track.addEventListener('ended', () => stop('The camera has been taken away; plug it in, and start again.'));
  } catch (error) {
    say(error instanceof CameraError ? error.message : error.message ?? String(error));
    return;
  } finally {
    start.disabled = false;
  }
  setText(start, 'Stop camera');
  stage.toggleAttribute('data-on', true);
  fit(video.videoWidth / video.videoHeight);
  setLink('wait', 'connecting');
  camera.link = new WebcamLink({ onReady, onEvent, onStatus, onProblem: say, onClosed });
  paint();
  sendOne();
}

// As wide as there is room, but never higher than the window.
function fit(ratio) {
  stage.style.aspectRatio = String(ratio);
  stage.style.width = `min(100%, ${74 * ratio}vh)`;
}

function stop(sentence = '') {
  camera.link?.end();
  camera.link = null;
  camera.said = '';
  clearTimeout(camera.timer);
  cancelAnimationFrame(camera.painting);
  closeCamera(video);
  boxes.clear();
  showFaces();
  stage.toggleAttribute('data-on', false);
  streamLink.hidden = true;
  setText(start, 'Start camera');
  setLink('wait', 'not started');
  say(sentence);
}

function setMirror(mirrored) {
  stage.toggleAttribute('data-mirrored', mirrored);
  boxes.mirrored = mirrored;
}

start.addEventListener('click', () => (camera.link ? stop() : begin()));
part('mirror').addEventListener('change', (event) => setMirror(event.target.checked));
addEventListener('pagehide', () => stop());
setMirror(true);
showFaces();
start.disabled = false;
