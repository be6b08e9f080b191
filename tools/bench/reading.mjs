// The part of the bench's page that has readers look at photos, on the page's own
// thread, as a page's script would.

/**
 * What a file of readers/ exports as start: everything up to the first photo.
 * What to load and how many threads to take is in the options.
 *
 * @typedef {{ threads: number, model: string, labels: string[], width: number, height: number, scale: number, offset: number }} Options
 * @typedef {{ backend: string, classify: (source: Blob | HTMLVideoElement) => Promise<ArrayLike<number>>,
 *   resized?: () => number }} Reader
 * @typedef {(options: Options) => Promise<Reader>} Start
 *
 * Resized is how many ms of the last classify went from a decoded picture to a tensor.
 *
 * What a reader is to do: to answer the question, then the rest of what is there.
 *
 * @typedef {{ system: string, options: Options, question: string, photo?: string, runs: number, batch?: string[], seconds?: number }} Reading
 */

/** @param {string} url */
async function blob(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return response.blob();
}

/** Sees what keeps the page's thread for 50 ms or more; shorter tasks are no trouble to anybody. */
function watchTasks() {
  const seen = { longest: 0, blocking: 0 };
  const take = (/** @type {PerformanceEntryList} */ entries) => {
    for (const { duration } of entries) {
      seen.longest = Math.max(seen.longest, duration);
      seen.blocking += duration - 50;
    }
  };
  const observer = new PerformanceObserver((list) => take(list.getEntries()));
  observer.observe({ type: 'longtask' });
  return async () => {
    await new Promise((resolve) => setTimeout(resolve, 200)); // entries come late
    take(observer.takeRecords());
    observer.disconnect();
    return seen;
  };
}

/**
 * @param {Reader} reader
 * @param {number} seconds
 */
async function lookThroughCamera(reader, seconds) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480, frameRate: 60 } });
  const video = document.createElement('video');
  video.srcObject = stream;
  video.muted = true;
  await video.play();
  video.width = video.videoWidth; // fromPixels of TensorFlow.js goes by these
  video.height = video.videoHeight;
  if (video.videoWidth !== 640 || video.videoHeight !== 480) throw new Error(`the camera gives ${video.videoWidth}×${video.videoHeight}`);
  await reader.classify(video);
  const begun = performance.now();
  let frames = 0;
  let spent = 0;
  do {
    await reader.classify(video);
    frames++;
    spent = performance.now() - begun;
  } while (spent < 1000 * seconds);
  for (const track of stream.getTracks()) track.stop();
  return 1000 * frames / spent;
}

/** @param {Reading} reading */
export async function read({ system, options, question, photo, runs, batch, seconds }) {
  const asked = await blob(question);
  const large = photo ? await blob(photo) : undefined;
  const many = await Promise.all((batch ?? []).map(blob));
  const tasks = watchTasks();
  /** @type {{ start: Start }} */
  const { start } = await import(`./readers/${system}.mjs`);
  const reader = await start(options);
  /** @type {Record<string, unknown>} */
  const result = { backend: reader.backend, scores: Array.from(await reader.classify(asked)) };
  if (large) {
    const times = [];
    const resized = [];
    for (let i = 0; i < runs; i++) {
      const begun = performance.now();
      await reader.classify(large);
      times.push(performance.now() - begun);
      if (reader.resized) resized.push(reader.resized());
    }
    Object.assign(result, { photo: times, resize: resized });
  }
  const begun = performance.now();
  for (const one of many) await reader.classify(one);
  if (many.length > 0) result.batch = performance.now() - begun;
  if (seconds) result.fps = await lookThroughCamera(reader, seconds);
  return { ...result, ...await tasks() };
}
