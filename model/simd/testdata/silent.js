// A worker that never says that it is up.
