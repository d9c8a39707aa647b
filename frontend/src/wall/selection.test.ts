import { expect, test } from "vitest";
import type { Hit } from "../api/schema";
import { Selection } from "./selection";

const hits = [..."abcdef"].map((id) => ({ id }) as Hit);
const at = (index: number) => hits[index] as Hit;
const chosen = (selection: Selection) => [...selection.all().keys()].sort().join("");

test("pictures are selected one by one, and no longer", () => {
  const selection = new Selection();
  selection.toggle(at(0));
  selection.toggle(at(2));
  expect(chosen(selection)).toBe("ac");
  selection.toggle(at(0));
  expect(chosen(selection)).toBe("c");
  selection.clear();
  expect(chosen(selection)).toBe("");
});

test("a range goes from the last one that was selected, forward or back, and can be changed", () => {
  const selection = new Selection();
  selection.extend(hits, 1);
  expect(chosen(selection)).toBe("b");
  selection.toggle(at(3));
  selection.extend(hits, 5);
  expect(chosen(selection)).toBe("bdef");
  selection.extend(hits, 2);
  expect(chosen(selection)).toBe("bcd");
});

test("all of a wall are selected", () => {
  const selection = new Selection();
  selection.choose(hits);
  expect(chosen(selection)).toBe("abcdef");
});
