// What web/hamster.d.ts declares, against the code (both ways, as far as types
// reach) and against the calls that its users write. Only the type checker reads
// this.

import * as declared from '../../hamster.js';
import * as classifier from '../../library/classifier.js';
import type { ImageSource } from '../../library/source.js';
import * as errors from '../../shared/errors.js';
import type * as protocol from '../../shared/protocol.js';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;

export const code: [
  Same<declared.ErrorCode, errors.ErrorCode>,
  Same<declared.ErrorDetails, errors.ErrorDetails>,
  Same<declared.ImageSource, ImageSource>,
  Same<declared.Classification, protocol.Classification>,
  Same<declared.Heatmap, protocol.Heatmap>,
  Same<declared.Method, protocol.Method>,
  Same<declared.ModelInfo, protocol.ModelInfo>,
  Same<declared.KeptModel, protocol.KeptModel>,
  Same<declared.Progress, protocol.Progress>,
  Same<declared.Mode, protocol.Mode>,
  Same<keyof declared.Classifier, keyof classifier.Classifier>,
] = [true, true, true, true, true, true, true, true, true, true, true];

export const load: (options?: declared.LoadOptions) => Promise<Pick<declared.Classifier, keyof declared.Classifier>> = classifier.load;
export const make = (options: declared.EngineOptions): Pick<declared.Classifier, keyof declared.Classifier> => new classifier.Classifier(options);
export const failure = (error: errors.HamsterError): declared.HamsterError => error;

export async function use(file: File, video: HTMLVideoElement): Promise<string> {
  const stop = new AbortController();
  const hamster = await declared.load({
    model: new URL('https://example.org/models/index.json'),
    backend: 'simd',
    threads: 2,
    idle: 60_000,
    onprogress: ({ stage, done, total }) => `${stage} ${done / total}`,
    signal: stop.signal,
  });
  try {
    const { predictions, timing, environment } = await hamster.classify(file, { top: 3, mode: 'keras', signal: stop.signal });
    await hamster.classify(video);
    const answer = await hamster.classify(video, { explain: true });
    const { values } = await hamster.explain(file, { index: 1, of: answer, onprogress: (share, soFar) => `${share} ${soFar.values}` });
    if (values.length !== answer.heatmap?.values.length) await declared.load({ model: file, labels: ['hamster', { id: 'n1', label: 'mouse' }] });
    return `${predictions[0].label} ${timing.run} ${environment.backend} ${hamster.info?.labels.length}`;
  } catch (error) {
    if (error instanceof declared.HamsterError && error.code === 'image-not') return error.details.format ?? '';
    throw error;
  } finally {
    hamster.close();
  }
}

// @ts-expect-error: no such backend
void declared.load({ backend: 'gpu' });
// @ts-expect-error: a number is no picture
void new declared.Classifier().classify(1);
