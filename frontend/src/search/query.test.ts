import { expect, test } from "vitest";
import {
  asks,
  EVERYTHING,
  fitting,
  hrefOf,
  lists,
  modeOf,
  modesOf,
  NOTHING,
  readQuery,
  readTerm,
  stepped,
  withFilter,
  withTerm,
  writeQuery,
} from "./query";

const read = (search: string) => readQuery(new URLSearchParams(search));

test("a term is read as the API writes it", () => {
  expect(readTerm("-0.5*text:a: b*c")).toEqual({ kind: "text", value: "a: b*c", weight: -0.5 });
  expect(readTerm("like:abc")).toEqual({ kind: "like", value: "abc", weight: 1 });
  expect(readTerm("sound:abc")).toBeNull();
  expect(readTerm("text:")).toBeNull();
});

test("a URL and its search say the same", () => {
  const url = "q=a+dog&term=-0.5*text%3Apeople&term=like%3Aabc&mode=hybrid&tags=a&tags=b&min_width=900";
  expect(writeQuery(read(url)).toString()).toBe(url);
  expect(read(url).terms).toHaveLength(2);
});

test("what the page does not know is kept for the API to judge", () => {
  const query = read("q=dog&term=nonsense&speed=9&mode=loud&picture=abc");
  expect(writeQuery(query).toString()).toBe("q=dog&term=nonsense&speed=9&mode=loud");
  expect(query.mode).toBe("auto");
  expect(writeQuery(read("sort=size")).toString()).toBe("sort=size");
});

test("filters alone, or an order, list pictures", () => {
  expect([asks(read("tags=a")), lists(read("tags=a"))]).toEqual([false, true]);
  expect([lists(read("sort=taken")), lists(read("q=dog&tags=a")), lists(NOTHING)]).toEqual([
    true,
    false,
    false,
  ]);
  expect(writeQuery(EVERYTHING).toString()).toBe("sort=added");
  // A search has its own order.
  expect(writeQuery({ ...read("sort=taken"), q: "dog" }).toString()).toBe("q=dog");
});

test("both are looked at where there are words and captions, unless something else was chosen", () => {
  expect(modeOf(read("q=dog"), true)).toBe("hybrid");
  expect(modeOf(read("q=dog"), false)).toBe("vector");
  expect(modeOf(read("term=like:a"), true)).toBe("vector");
  expect(modeOf(read("q=dog&mode=text"), true)).toBe("text");
});

test("an empty field is no search", () => {
  expect(asks(read("q=+"))).toBe(false);
  expect(asks(read("term=like:abc"))).toBe(true);
});

test("a picture that is open is beside the search in the address", () => {
  expect(hrefOf(read("q=dog"), "abc")).toBe("/?q=dog&picture=abc");
  expect(hrefOf(NOTHING)).toBe("/");
});

test("a term that is there already takes the new weight", () => {
  const once = withTerm(NOTHING, { kind: "like", value: "abc", weight: 1 });
  expect(withTerm(once, { kind: "like", value: "abc", weight: -0.5 }).terms).toEqual([
    { kind: "like", value: "abc", weight: -0.5 },
  ]);
});

test("a filter is set, changed and removed", () => {
  const set = withFilter(read("q=dog&tags=a"), "orientation", ["portrait"]);
  expect(writeQuery(set).toString()).toBe("q=dog&tags=a&orientation=portrait");
  expect(writeQuery(withFilter(set, "tags", [])).toString()).toBe("q=dog&orientation=portrait");
});

test("pictures cannot be looked for by words alone", () => {
  expect(fitting({ ...read("q=dog&term=like:a"), mode: "text" }).mode).toBe("auto");
  expect(fitting({ ...read("q=dog&term=like:a"), mode: "hybrid" }).mode).toBe("hybrid");
  expect(modesOf(read("term=like:a"))).toEqual(["vector"]);
  expect(modesOf(read("q=dog"))).toEqual(["vector", "text", "hybrid"]);
  expect(modesOf(read("q=dog&term=-0.5*like:a"))).toEqual(["vector", "hybrid"]);
  expect(modesOf(read("q=dog&term=-0.5*text:cat"))).toEqual(["vector", "text", "hybrid"]);
});

test("weights go step by step, and stay at their ends", () => {
  expect(stepped(1, 1)).toBe(2);
  expect(stepped(2, 1)).toBe(2);
  expect(stepped(0.5, -1)).toBe(-0.5);
  expect(stepped(0.7, -1)).toBe(0.5);
  expect(stepped(-1, -1)).toBe(-1);
});
