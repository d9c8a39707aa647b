/** The wall's lines, top to bottom: rows of pictures, and a rule above the results that are less certain. */

import { justify, type Row, type Shape, type Size } from "./justify";

export type Line = Row | { rule: true; height: number };

const RULE = 44;

/**
 * Lay out pictures in lines.
 *
 * The rows run on at the boundary of certainty, and a rule follows the row in which it lies: a break would leave a
 * single match beside a void.
 *
 * @param certain the number of leading results that count as matches: a rule follows them, unless it is all or none.
 * @param open whether more pictures will follow.
 */
export function layOut(pictures: readonly Size[], shape: Shape, certain: number, open: boolean): Line[] {
  const rows: Line[] = justify(pictures, shape, open);
  if (certain <= 0 || certain >= pictures.length) return rows;
  const row = lineOf(rows, certain - 1);
  return row < 0 || row === rows.length - 1 ? rows : rows.toSpliced(row + 1, 0, { rule: true, height: RULE });
}

/** The index of the line that contains a picture; -1 if it is not laid out. */
export function lineOf(lines: readonly Line[], picture: number): number {
  return lines.findIndex(
    (line) => "first" in line && line.first <= picture && picture < line.first + line.widths.length,
  );
}

/** Keyboard navigation: the picture that a key leads to from the given one. */
export function step(lines: readonly Line[], from: number, key: string, gap: number): number {
  const at = lineOf(lines, from);
  const line = lines[at];
  if (!line || !("first" in line)) return from;
  const last = lines.findLast((l): l is Row => "first" in l);
  const end = last ? last.first + last.widths.length - 1 : from;
  if (key === "ArrowLeft") return Math.max(0, from - 1);
  if (key === "ArrowRight") return Math.min(end, from + 1);
  if (key === "Home") return 0;
  if (key === "End") return end;
  const rows = key === "ArrowUp" ? lines.slice(0, at).reverse() : lines.slice(at + 1);
  const next = rows.find((l): l is Row => "first" in l);
  if (!next) return from;
  const wanted = middles(line.widths, gap)[from - line.first] ?? 0;
  const distances = middles(next.widths, gap).map((middle) => Math.abs(middle - wanted));
  return next.first + distances.indexOf(Math.min(...distances));
}

/** The horizontal centre of each picture of a row, from the left. */
function middles(widths: readonly number[], gap: number): number[] {
  let left = 0;
  return widths.map((width) => {
    const middle = left + width / 2;
    left += width + gap;
    return middle;
  });
}
