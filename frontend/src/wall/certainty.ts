import type { Hit } from "../api/schema";

/** Above it the system is sure that a picture fits: where nothing fits, one in twenty searches has such a one. */
export const SURE = 0.95;

/** How many, from the first, are sure to fit; all of them where that is not known. */
export function countCertain(hits: readonly Hit[]): number {
  const end = hits.findIndex((hit) => hit.confidence !== null && hit.confidence <= SURE);
  return end < 0 ? hits.length : end;
}
