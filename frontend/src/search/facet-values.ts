/** What a collection's facets offer. */

import type { Facets } from "../api/schema";

export const SHAPES = ["landscape", "portrait", "square"] as const;
export type ShapeName = (typeof SHAPES)[number];

/** The orientations that the collection has. */
export function shapesOf(facets: Facets): ShapeName[] {
  return SHAPES.filter((shape) => facets.orientations[shape] > 0);
}

/** Whether the range of times covers more than one day; otherwise a date filter is useless. */
export function spans(moments: string[] | null): moments is string[] {
  return moments !== null && moments[0]?.slice(0, 10) !== moments[1]?.slice(0, 10);
}
