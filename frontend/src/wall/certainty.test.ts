import { expect, test } from "vitest";
import type { Hit } from "../api/schema";
import { countCertain } from "./certainty";

const hits = (...confidences: (number | null)[]) => confidences.map((confidence) => ({ confidence }) as Hit);

test("the boundary stands where the sure results end", () => {
  expect(countCertain(hits(1, 0.99, 0.9, 0.5))).toBe(2);
  expect(countCertain(hits(0.9, 0.5))).toBe(0);
  expect(countCertain(hits(1, 1))).toBe(2);
});

test("a single result that is less certain among sure ones does not move it", () => {
  expect(countCertain(hits(1, 0.5, 1, 1, 0.5, 0.5, 0.5, 1))).toBe(4);
});

test("where nothing is known all count", () => {
  expect(countCertain(hits(null, null))).toBe(2);
  expect(countCertain([])).toBe(0);
});
