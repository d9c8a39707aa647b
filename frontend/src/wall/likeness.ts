/** Placeholders while a picture loads: its mean colour, which is cheap, and a blurred preview (ThumbHash). */

import { thumbHashToAverageRGBA, thumbHashToDataURL } from "thumbhash";

/** The mean colour of a ThumbHash, as CSS; empty if there is none. */
export function toneOf(placeholder: string): string {
  return read(placeholder, (hash) => {
    const { r, g, b } = thumbHashToAverageRGBA(hash);
    return `rgb(${[r, g, b].map((value) => Math.round(255 * value)).join(" ")})`;
  });
}

/** A blurred preview, as CSS; decoding takes about a millisecond. */
export function blurOf(placeholder: string): string {
  return read(placeholder, (hash) => `url(${thumbHashToDataURL(hash)})`);
}

/** Decode a placeholder; an invalid one gives an empty string, so the wall's background is shown. */
function read(placeholder: string, how: (hash: Uint8Array) => string): string {
  if (!placeholder) return "";
  try {
    return how(Uint8Array.from(atob(placeholder), (c) => c.charCodeAt(0)));
  } catch {
    return "";
  }
}
