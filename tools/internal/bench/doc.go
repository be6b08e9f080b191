// Package bench measures Hamster beside its peers in a headless Chromium.
//
// A contestant is a system in one setting: backend, variant, threads, form of the
// model. It is an engine (a tensor in, scores out, in a worker), a reader (a photo
// in, classes out, as a page's script calls it) or a site (a page that is
// visited). An experiment makes contestants do something and takes samples of
// metrics. In each round every contestant does it once, in an order that rotates,
// in a fresh page. Its answer is compared with the others' before anything is
// timed, and who answers differently, or is not what it should be, counts for
// nothing. Samples become rows: the median and spread over the rounds, and the
// ratio of ours to a peer's with as many threads, taken within each round. Reports
// are made of rows alone, so that runs can be merged and compared later.
//
// Who asks for a few metrics gets them in under a minute of a round: whoever takes
// part in inference alone or takes too long is left out and named (experiment.taking),
// and what no metric asked for is not done (session.wants). Nobody is timed less.
//
// To add a peer, write tools/bench/systems/<name>.mjs or readers/<name>.mjs and
// list its contestants in contestant.go. To add a metric, write an experiment,
// list it in experiments, and give it a title in report.go.
package bench
