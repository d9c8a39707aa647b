/** Rows of pictures of one height that fill the width exactly, without cropping. */

export type Size = { width: number; height: number };

// A strip of 1 : 20 would leave nothing to see of its neighbours; beyond these it stands on its own ground.
const NARROWEST = 0.4;
const WIDEST = 4;

/**
 * The shown size of each picture, in whole pixels, in order.
 *
 * A row is closed when its pictures, at `height`, reach the width; it is then scaled down to fill it. The last row
 * keeps `height` and may stay short.
 */
export function justify(pictures: readonly Size[], width: number, height: number, gap: number): Size[] {
  const sizes: Size[] = [];
  let row: number[] = [];
  const close = (last: boolean) => {
    if (row.length === 0) return;
    const ratios = row.reduce((sum, ratio) => sum + ratio, 0);
    const room = width - gap * (row.length - 1);
    const rowHeight = last ? Math.min(height, room / ratios) : room / ratios;
    let used = 0;
    row.forEach((ratio, i) => {
      // The last of a full row takes what rounding left over.
      const full = !last && i === row.length - 1;
      const shown = full ? room - used : Math.floor(ratio * rowHeight);
      used += shown;
      sizes.push({ width: shown, height: Math.round(rowHeight) });
    });
    row = [];
  };
  for (const picture of pictures) {
    row.push(Math.min(WIDEST, Math.max(NARROWEST, picture.width / picture.height)));
    const ratios = row.reduce((sum, ratio) => sum + ratio, 0);
    if (ratios * height + gap * (row.length - 1) >= width) close(false);
  }
  close(true);
  return sizes;
}
