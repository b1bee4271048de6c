// Sends a file and tells how much of it is sent, which fetch cannot.

import { ApiError } from './client.js';
import { askForKey, currentKey, isAboutTheKey } from './key.js';

function once(file, annotate, signal, onShare) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append('annotate', annotate ? 'true' : 'false');
    form.append('video', file);
    const request = new XMLHttpRequest();
    request.open('POST', '/v1/analyses');
    if (currentKey()) request.setRequestHeader('Authorization', `Bearer ${currentKey()}`);
    request.upload.onprogress = ({ loaded, total }) => onShare(total ? loaded / total : 0);
    request.onload = () => resolve(request);
    request.onerror = () => reject(new ApiError(0, 'The upload broke off: the video is too large, or moodline is away.'));
    request.onabort = () => reject(new ApiError(0, 'The upload was stopped.'));
    signal.addEventListener('abort', () => request.abort());
    request.send(form);
  });
}

// Asks for a key as often as it is refused, until the user declines. Resolves with the analysis that was made.
export async function upload(file, annotate, signal, onShare) {
  for (;;) {
    const key = currentKey();
    const { status, responseText } = await once(file, annotate, signal, onShare);
    const body = responseText ? JSON.parse(responseText) : {};
    if (status < 300) return body;
    const { detail = `moodline answered ${status}.` } = body;
    if (!isAboutTheKey(status, detail) || !await askForKey(key, detail, true)) throw new ApiError(status, detail);
  }
}
