import { HamsterError } from '../shared/errors.js';

/**
 * Opens a camera, that at the back of a phone if there is one.
 *
 * @returns {Promise<MediaStream>} stop its tracks after use
 */
export async function openCamera() {
  if (!navigator.mediaDevices) throw new HamsterError('camera-failed', 'browsers give the camera to secure pages alone');
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  } catch (cause) {
    const { name, message } = /** @type {DOMException} */ (cause);
    switch (name) {
      case 'NotAllowedError':
      case 'SecurityError': throw new HamsterError('camera-refused', `the camera is refused: ${message}`);
      case 'NotFoundError':
      case 'OverconstrainedError': throw new HamsterError('camera-missing', `there is no camera: ${message}`);
    }
    throw new HamsterError('camera-failed', `the camera does not start: ${message}`);
  }
}

/** @param {MediaStream} stream */
export function closeCamera(stream) {
  for (const track of stream.getTracks()) track.stop();
}
