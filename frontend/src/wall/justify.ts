/** Justified layout: rows of pictures with the same height that fill the width exactly, without cropping. */

export type Size = { width: number; height: number };

/** A row: the index of its first picture, the row's height, and the width of each picture, in whole pixels. */
export type Row = { first: number; height: number; widths: number[] };

export type Shape = { width: number; height: number; gap: number };

// Aspect ratios are clamped to these: a picture of 1 : 20 would make its neighbours tiny. Its tile shows all of it.
const NARROWEST = 0.4;
const WIDEST = 4;

/**
 * Lay out pictures in rows, in order.
 *
 * A row is complete when its pictures, at the shape's height, reach the width; it is then scaled down to fill it. The
 * last row keeps the height and may be shorter than the width; with `open` a short last row is left out, since more
 * pictures will follow.
 */
export function justify(pictures: readonly Size[], shape: Shape, open = false): Row[] {
  const rows: Row[] = [];
  let ratios: number[] = [];
  let sum = 0;
  const close = (full: boolean) => {
    const room = shape.width - shape.gap * (ratios.length - 1);
    const height = full ? room / sum : Math.min(shape.height, room / sum);
    const widths = ratios.map((ratio) => Math.floor(ratio * height));
    if (full) {
      // The last picture of a full row takes up the rounding error.
      const used = widths.slice(0, -1).reduce((total, width) => total + width, 0);
      widths[widths.length - 1] = room - used;
    }
    const before = rows.at(-1);
    rows.push({
      first: before ? before.first + before.widths.length : 0,
      height: Math.round(height),
      widths,
    });
    ratios = [];
    sum = 0;
  };
  for (const picture of pictures) {
    const ratio = Math.min(WIDEST, Math.max(NARROWEST, picture.width / picture.height));
    ratios.push(ratio);
    sum += ratio;
    if (sum * shape.height + shape.gap * (ratios.length - 1) >= shape.width) close(true);
  }
  if (ratios.length > 0 && !open) close(false);
  return rows;
}
