// What web/element/element.d.ts and web/embed/frame.d.ts declare, against the code.

import * as declared from '../../element/element.js';
import { ImageClassifierElement } from '../../element/image-classifier.js';
import * as frame from '../../embed/frame.js';
import { HamsterFrame } from '../../embed/hamster-frame.js';
import type { Settings } from '../../embed/protocol.js';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;

/** What an element has beyond every other; callbacks are the browser's. */
type Own<Element> = Exclude<keyof Element, keyof HTMLElement | 'connectedCallback' | 'disconnectedCallback' | 'attributeChangedCallback'>;
type Surface<Element> = Pick<Element, Own<Element>>;

export const alike: [
  Same<Own<declared.ImageClassifierElement>, Own<ImageClassifierElement>>,
  Same<Surface<declared.ImageClassifierElement>, Surface<ImageClassifierElement>>,
  Same<keyof frame.HamsterFrame, keyof HamsterFrame>,
  Same<frame.FrameSettings, Settings>,
] = [true, true, true, true];

export const make = (iframe: HTMLIFrameElement, handlers: frame.FrameHandlers): Pick<frame.HamsterFrame, keyof frame.HamsterFrame> =>
  new HamsterFrame(iframe, '/embed', handlers);
