import type { Hit } from "../api/schema";

/** The confidence above which a result counts as a match; one in twenty searches without a match exceeds it. */
export const SURE = 0.95;

/**
 * The number of leading results that count as matches; all of them if the confidence is unknown.
 *
 * Results are not ordered by confidence where words count too. So the boundary is where most sure results are above it
 * and most others below: where the sum of +1 for each sure one and -1 for each other one is greatest.
 */
export function countCertain(hits: readonly Hit[]): number {
  if (hits.some((hit) => hit.confidence === null)) return hits.length;
  let [sum, greatest, end] = [0, 0, 0];
  for (const [i, hit] of hits.entries()) {
    sum += (hit.confidence ?? 0) > SURE ? 1 : -1;
    if (sum > greatest) [greatest, end] = [sum, i + 1];
  }
  return end;
}
