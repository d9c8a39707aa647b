import { expect, test } from "vitest";
import { justify } from "./justify";

const square = { width: 100, height: 100 };

test("squares that fit share the row exactly", () => {
  // Four of 100 reach 330 with three gaps of 10; 300 of room among 4.
  expect(justify([square, square, square, square], 330, 100, 10)).toEqual(
    Array(4).fill({ width: 75, height: 75 }),
  );
});

test("a short last row keeps the height", () => {
  expect(justify([square], 330, 100, 10)).toEqual([{ width: 100, height: 100 }]);
});

test("a row is as wide as the wall, whatever the shapes", () => {
  const shapes = [
    { width: 300, height: 200 },
    { width: 123, height: 457 },
    { width: 640, height: 480 },
    { width: 1000, height: 250 },
  ];
  const sizes = justify([...shapes, ...shapes, ...shapes], 701, 150, 6);
  const rows: { total: number; count: number; height: number }[] = [];
  let row = { total: 0, count: 0, height: 0 };
  for (const size of sizes) {
    row.total += size.width;
    row.count += 1;
    row.height = size.height;
    if (row.total + 6 * (row.count - 1) === 701) {
      rows.push(row);
      row = { total: 0, count: 0, height: 0 };
    }
  }
  expect(rows.length).toBeGreaterThan(2);
  for (const full of rows) expect(full.height).toBeLessThanOrEqual(150);
});

test("a strip is shown no thinner and no wider than its limits", () => {
  expect(justify([{ width: 10, height: 1000 }], 1000, 100, 6)).toEqual([{ width: 40, height: 100 }]);
  expect(justify([{ width: 9000, height: 10 }], 1000, 100, 6)).toEqual([{ width: 400, height: 100 }]);
});

test("a narrow wall shrinks a wide picture instead of cutting it", () => {
  expect(justify([{ width: 400, height: 100 }], 300, 150, 6)).toEqual([{ width: 300, height: 75 }]);
});
