import { expect, test } from "vitest";
import { added, rates } from "./rates";

test("a rate is what came between two readings", () => {
  const moments = [
    { at: 0, searches: 10 },
    { at: 5000, searches: 15 },
    { at: 15_000, searches: 15 },
  ];
  expect(rates(moments)).toEqual([60, 0]);
  expect(rates(moments.slice(0, 1))).toEqual([]);
});

test("a gateway that has started anew begins anew", () => {
  expect(added([{ at: 0, searches: 10 }], { at: 5000, searches: 2 })).toEqual([{ at: 5000, searches: 2 }]);
});

test("five minutes are kept", () => {
  let moments: { at: number; searches: number }[] = [];
  for (let i = 0; i < 100; i++) moments = added(moments, { at: i, searches: i });
  expect(moments).toHaveLength(61);
});
