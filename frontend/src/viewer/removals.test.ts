import { expect, test, vi } from "vitest";
import { Removals } from "./removals";

test("what is deleted is hidden at once, and had back by undo", async () => {
  const remove = vi.fn(async () => undefined);
  const removals = new Removals(remove);
  removals.hide("a");
  expect([...removals.all()]).toEqual(["a"]);
  expect(removals.restore("a")).toBe(true);
  expect([...removals.all()]).toEqual([]);
  await removals.finish("a");
  expect(remove).not.toHaveBeenCalled();
});

test("it is deleted once, and stays hidden", async () => {
  const remove = vi.fn(async () => undefined);
  const removals = new Removals(remove);
  removals.hide("a");
  await removals.finish("a");
  removals.finishAll();
  expect(remove).toHaveBeenCalledExactlyOnceWith("a");
  expect(removals.all().has("a")).toBe(true);
  // Too late to have it back, unless it is added anew.
  expect(removals.restore("a")).toBe(false);
  removals.added("a");
  expect(removals.all().size).toBe(0);
});

test("what could not be deleted is shown again", async () => {
  const removals = new Removals(() => Promise.reject(new Error("no")));
  removals.hide("a");
  await expect(removals.finish("a")).rejects.toThrow("no");
  expect(removals.all().size).toBe(0);
});
