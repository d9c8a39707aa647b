import { expect, test } from "vitest";
import { layOut, lineOf, step } from "./layout";

const squares = Array.from({ length: 10 }, () => ({ width: 1, height: 1 }));
// Three squares of 100 a row.
const shape = { width: 300, height: 100, gap: 0 };

test("a rule follows the full row in which certainty ends", () => {
  const rows = (certain: number) =>
    layOut(squares, shape, certain, false).map((line) => ("rule" in line ? "rule" : line.first));
  expect(rows(4)).toEqual([0, 3, "rule", 6, 9]);
  expect(rows(6)).toEqual([0, 3, "rule", 6, 9]);
  expect(rows(1)).toEqual([0, "rule", 3, 6, 9]);
  expect(layOut(squares, shape, 0, false).some((line) => "rule" in line)).toBe(false);
  expect(layOut(squares, shape, 10, false).some((line) => "rule" in line)).toBe(false);
});

test("every picture is found in its line", () => {
  const lines = layOut(squares, shape, 4, false);
  expect([0, 2, 3, 5, 6, 9].map((picture) => lineOf(lines, picture))).toEqual([0, 0, 1, 1, 3, 4]);
  expect(lineOf(lines, 99)).toBe(-1);
});

test("arrows lead along rows and over the rule", () => {
  const lines = layOut(squares, shape, 4, false);
  const go = (from: number, key: string) => step(lines, from, key, 0);
  expect(go(0, "ArrowLeft")).toBe(0);
  expect(go(2, "ArrowRight")).toBe(3);
  expect(go(1, "ArrowDown")).toBe(4);
  expect(go(3, "ArrowDown")).toBe(6);
  expect(go(6, "ArrowUp")).toBe(3);
  expect(go(8, "ArrowUp")).toBe(5);
  expect(go(9, "ArrowRight")).toBe(9);
  expect(go(9, "ArrowDown")).toBe(9);
  expect([go(5, "Home"), go(5, "End")]).toEqual([0, 9]);
});
