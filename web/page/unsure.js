/**
 * Whether the best guess is not to be relied on: it is weak in itself, or
 * hardly better than the next.
 *
 * @param {readonly { score: number }[]} predictions the best first
 */
export function isUnsure([best, next]) {
  return best !== undefined && (best.score < 0.4 || best.score - (next?.score ?? 0) < 0.15);
}
