/** One camera at a time: opened, changed, lost, and always closed again. */

/** @import { CameraTrouble } from '../shared/texts/en.js' */

export class CameraError extends Error {
  /**
   * @param {CameraTrouble} trouble
   * @param {unknown} [cause]
   */
  constructor(trouble, cause) {
    super(`camera: ${trouble}`, { cause });
    this.trouble = trouble;
  }
}

/** What browsers call it when there is no picture. @type {Record<string, CameraTrouble>} */
const troubles = {
  NotAllowedError: 'refused',
  SecurityError: 'refused',
  NotFoundError: 'missing',
  OverconstrainedError: 'missing',
  NotReadableError: 'busy',
  AbortError: 'busy',
};

export class Camera {
  #video;
  #onlost;
  /** @type {MediaStream | null} */
  #stream = null;
  /** The latest wish counts; a camera that opens for an older one is closed. */
  #wish = 0;

  /** Whether it looks at the person in front, whose picture is shown mirrored. */
  isFront = false;

  /** How many cameras there are, as far as the browser tells. */
  count = 0;

  /**
   * @param {HTMLVideoElement} video shows it
   * @param {() => void} onlost it was unplugged or taken away
   */
  constructor(video, onlost) {
    this.#video = video;
    this.#onlost = onlost;
  }

  /**
   * Opens the camera at the back, or whichever there is. Throws a CameraError.
   *
   * @param {MediaTrackConstraints} [which]
   * @returns {Promise<boolean>} false where it was closed meanwhile
   */
  async open(which = { facingMode: { ideal: 'environment' } }) {
    this.close();
    const wish = this.#wish;
    if (!navigator.mediaDevices?.getUserMedia) throw new CameraError('insecure');
    /** @type {MediaStream} */
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, ...which }, audio: false });
    } catch (cause) {
      if (wish !== this.#wish) return false;
      throw new CameraError(troubles[cause instanceof DOMException ? cause.name : ''] ?? 'unknown', cause);
    }
    if (wish !== this.#wish) {
      stop(stream);
      return false;
    }
    this.#stream = stream;
    const [track] = stream.getVideoTracks();
    track.addEventListener('ended', () => {
      if (wish !== this.#wish) return;
      this.close();
      this.#onlost();
    });
    this.isFront = track.getSettings().facingMode !== 'environment';
    this.#video.srcObject = stream;
    try {
      await this.#video.play();
    } catch {
      // It plays when the page is looked at, or it was closed.
    }
    const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    this.count = devices.filter(({ kind }) => kind === 'videoinput').length;
    return wish === this.#wish;
  }

  /** Opens the next camera: the other side's, as a phone has it, or the next in the browser's list. */
  async openNext() {
    const settings = () => this.#stream?.getVideoTracks()[0]?.getSettings();
    const current = settings();
    if (current?.facingMode) {
      const isOpen = await this.open({ facingMode: { ideal: current.facingMode === 'user' ? 'environment' : 'user' } });
      if (!isOpen || settings()?.deviceId !== current.deviceId) return isOpen;
    }
    const wish = this.#wish;
    const ids = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === 'videoinput').map(({ deviceId }) => deviceId);
    if (wish !== this.#wish) return false;
    const next = ids[(ids.indexOf(current?.deviceId ?? '') + 1) % ids.length];
    return this.open({ deviceId: { exact: next } });
  }

  get isOpen() {
    return this.#stream !== null;
  }

  /** Holds it while nobody looks; what it sees then is lost. */
  pause() {
    for (const track of this.#stream?.getTracks() ?? []) track.enabled = false;
    this.#video.pause();
  }

  async resume() {
    for (const track of this.#stream?.getTracks() ?? []) track.enabled = true;
    if (this.#stream) await this.#video.play().catch(() => {});
  }

  /** Stops every track. */
  close() {
    this.#wish++;
    if (this.#stream) stop(this.#stream);
    this.#stream = null;
    this.#video.srcObject = null;
  }
}

/** @param {MediaStream} stream */
function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}
