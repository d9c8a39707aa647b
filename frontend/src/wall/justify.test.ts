import { expect, test } from "vitest";
import { justify } from "./justify";

const square = { width: 100, height: 100 };
const shape = { width: 330, height: 100, gap: 10 };

test("squares that fit share the row exactly", () => {
  // Four of 100 reach 330 with three gaps of 10; 300 of room among 4.
  expect(justify([square, square, square, square], shape)).toEqual([
    { first: 0, height: 75, widths: [75, 75, 75, 75] },
  ]);
});

test("a short last row keeps the height, and waits while more is to come", () => {
  expect(justify([square], shape)).toEqual([{ first: 0, height: 100, widths: [100] }]);
  expect(justify([square], shape, true)).toEqual([]);
  expect(justify([square, square, square, square, square], shape, true)).toHaveLength(1);
});

test("a row is as wide as the wall, whatever the shapes, and no picture is lost", () => {
  const shapes = [
    { width: 300, height: 200 },
    { width: 123, height: 457 },
    { width: 640, height: 480 },
    { width: 1000, height: 250 },
  ];
  const pictures = [...shapes, ...shapes, ...shapes];
  const rows = justify(pictures, { width: 701, height: 150, gap: 6 });
  expect(rows.length).toBeGreaterThan(2);
  let next = 0;
  for (const row of rows.slice(0, -1)) {
    expect(row.first).toBe(next);
    expect(row.widths.reduce((sum, width) => sum + width, 0) + 6 * (row.widths.length - 1)).toBe(701);
    expect(row.height).toBeLessThanOrEqual(150);
    next += row.widths.length;
  }
  expect(next + (rows.at(-1)?.widths.length ?? 0)).toBe(pictures.length);
});

test("a strip is shown no thinner and no wider than its limits", () => {
  expect(justify([{ width: 10, height: 1000 }], { width: 1000, height: 100, gap: 6 })).toEqual([
    { first: 0, height: 100, widths: [40] },
  ]);
  expect(justify([{ width: 9000, height: 10 }], { width: 1000, height: 100, gap: 6 })).toEqual([
    { first: 0, height: 100, widths: [400] },
  ]);
});

test("a narrow wall shrinks a wide picture instead of cutting it", () => {
  expect(justify([{ width: 400, height: 100 }], { width: 300, height: 150, gap: 6 })).toEqual([
    { first: 0, height: 75, widths: [300] },
  ]);
});
