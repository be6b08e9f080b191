/**
 * The worker, and each thread of its engine, in one file: what a bundler copies as
 * it is must need no other, and a smaller file it might put into an address.
 */

if (self.name.startsWith('hamster thread')) import('../../../web/worker/thread.js');
else import('../../../web/worker/worker.js');
