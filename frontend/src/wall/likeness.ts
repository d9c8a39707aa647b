/** What stands in for a picture on its way: its mean colour, which costs nothing, and a blurred copy of it. */

import { thumbHashToAverageRGBA, thumbHashToDataURL } from "thumbhash";

/** The mean colour of a placeholder, as CSS; empty where there is none. */
export function toneOf(placeholder: string): string {
  return read(placeholder, (hash) => {
    const { r, g, b } = thumbHashToAverageRGBA(hash);
    return `rgb(${[r, g, b].map((value) => Math.round(255 * value)).join(" ")})`;
  });
}

/** A blurred copy, as CSS; it takes about a millisecond to make. */
export function blurOf(placeholder: string): string {
  return read(placeholder, (hash) => `url(${thumbHashToDataURL(hash)})`);
}

/** What is no placeholder shows the wall's own ground. */
function read(placeholder: string, how: (hash: Uint8Array) => string): string {
  if (!placeholder) return "";
  try {
    return how(Uint8Array.from(atob(placeholder), (c) => c.charCodeAt(0)));
  } catch {
    return "";
  }
}
