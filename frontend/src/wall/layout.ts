/** The wall's lines, top to bottom: rows of pictures, and the rule below which the system is less certain. */

import { justify, type Row, type Shape, type Size } from "./justify";

export type Line = Row | { rule: true; height: number };

const RULE = 44;

/**
 * Lines of some pictures.
 *
 * @param certain how many of them, from the first, the system is sure of: a rule follows those, unless it is all or none.
 * @param open whether more pictures will come.
 */
export function layOut(pictures: readonly Size[], shape: Shape, certain: number, open: boolean): Line[] {
  if (certain <= 0 || certain >= pictures.length) return justify(pictures, shape, open);
  const after = justify(pictures.slice(certain), shape, open);
  return [
    ...justify(pictures.slice(0, certain), shape),
    { rule: true, height: RULE },
    ...after.map((row) => ({ ...row, first: row.first + certain })),
  ];
}

/** The line that a picture stands in; -1 where it is not laid out. */
export function lineOf(lines: readonly Line[], picture: number): number {
  return lines.findIndex(
    (line) => "first" in line && line.first <= picture && picture < line.first + line.widths.length,
  );
}

/** The picture that an arrow key leads to from another one, in the same direction on the wall. */
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

/** Where the middle of each picture of a row lies, from the left. */
function middles(widths: readonly number[], gap: number): number[] {
  let left = 0;
  return widths.map((width) => {
    const middle = left + width / 2;
    left += width + gap;
    return middle;
  });
}
