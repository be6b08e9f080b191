/** The page's end of Hamster's frame; web/embed/frame.d.ts declares it. */

export { HamsterFrame } from './hamster-frame.js';
