// The camera of this machine: asked for, shown, and turned into small JPEGs.

const WIDTH = 640;
const QUALITY = 0.8;

const SENTENCES = {
  NotAllowedError: 'The browser does not let this page use the camera: allow it beside the address, and start again.',
  NotFoundError: 'There is no camera on this device: plug one in, and start again.',
  NotReadableError: 'Another program uses the camera: end it there, and start again.',
  OverconstrainedError: 'The camera cannot give such pictures: try another one.',
};

export class CameraError extends Error {}

// Opens the camera and shows it. Throws CameraError with a sentence for people.
export async function openCamera(video) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CameraError('A browser gives the camera to safe pages alone: open this one by https, or by the name localhost on the machine itself.');
  }
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: 'user' },
    });
    await video.play();
  } catch (error) {
    closeCamera(video);
    throw new CameraError(SENTENCES[error.name] ?? `The camera cannot be opened: ${error.message || error.name}.`);
  }
  return video.srcObject.getVideoTracks()[0];
}

export function closeCamera(video) {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
}

export class Snapshots {
  constructor(video) {
    this.video = video;
    this.canvas = document.createElement('canvas');
  }

  // What the camera shows now, at most 640 pixels wide; null while it shows nothing.
  async take() {
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth) return null;
    const scale = Math.min(1, WIDTH / Math.max(videoWidth, videoHeight));
    this.canvas.width = Math.round(videoWidth * scale);
    this.canvas.height = Math.round(videoHeight * scale);
    this.canvas.getContext('2d').drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    return new Promise((resolve) => this.canvas.toBlob(resolve, 'image/jpeg', QUALITY));
  }
}
