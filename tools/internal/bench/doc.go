// Package bench measures Hamster beside its peers in a headless Chromium.
//
// A contestant is a system in one setting: backend, variant, threads, model
// file. An experiment makes contestants do something and takes samples of
// metrics. In each round every contestant does it once, in an order that
// rotates, in a fresh page of one browser session; before the first round all
// answers are compared, and who answers differently does not take part.
// Samples become rows: the median and spread over the rounds, and for
// Hamster's rows the ratio to the peer with as many threads, taken within each
// round. The peer's model has float32 weights then, for those it runs fastest,
// whatever ours has.
//
// To add a peer, write tools/bench/systems/<name>.mjs and list its contestants
// in contestant.go. To add a metric, write an experiment and list it in
// experiments.
package bench
