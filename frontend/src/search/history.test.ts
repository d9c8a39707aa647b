import { expect, test } from "vitest";
import { remembered } from "./history";

test("the latest comes first, and each once", () => {
  expect(remembered(["a cat", "a dog"], "a dog")).toEqual(["a dog", "a cat"]);
});

test("a sentence takes the place of its own beginning", () => {
  expect(remembered(["a do", "a cat"], "a dog")).toEqual(["a dog", "a cat"]);
  expect(remembered(["a cat", "a do"], "a dog")).toEqual(["a dog", "a cat", "a do"]);
});

test("fifty are kept", () => {
  const many = Array.from({ length: 60 }, (_, i) => `search ${i}`);
  expect(remembered(many, "new")).toHaveLength(50);
});
