import type { Hit } from "../api/schema";

/** The confidence above which a result counts as a match; one in twenty searches without a match exceeds it. */
export const SURE = 0.95;

/** The number of leading results that count as matches; all of them if the confidence is unknown. */
export function countCertain(hits: readonly Hit[]): number {
  const end = hits.findIndex((hit) => hit.confidence !== null && hit.confidence <= SURE);
  return end < 0 ? hits.length : end;
}
