import { expect, test, vi } from "vitest";
import { Removals } from "./removals";

const nothing = async () => undefined;

test("what is deleted is hidden at once, and shown again when it was restored", async () => {
  const steps = { remove: vi.fn(nothing), restore: vi.fn(nothing) };
  const removals = new Removals(steps);
  const removed = removals.remove(["a", "b"]);
  expect([...removals.all()]).toEqual(["a", "b"]);
  await removed;
  await removals.restore(["a", "b"]);
  expect(removals.all().size).toBe(0);
  expect(steps.remove).toHaveBeenCalledExactlyOnceWith(["a", "b"]);
});

test("an undo waits for the deletion, also for one that fails", async () => {
  const told: string[] = [];
  let end: (error?: Error) => void = () => undefined;
  const removals = new Removals({
    remove: () =>
      new Promise((done, fail) => {
        end = (error) => (error ? fail(error) : done());
      }),
    restore: async (ids) => void told.push(`restored ${ids}`),
  });
  const removed = removals.remove(["a"]);
  const restored = removals.restore(["a"]);
  await Promise.resolve();
  expect(told).toEqual([]);
  end(new Error("no"));
  await expect(removed).rejects.toThrow("no");
  await restored;
  expect(told).toEqual(["restored a"]);
});

test("what could not be deleted is shown again, and what could not be restored stays hidden", async () => {
  const no = () => Promise.reject(new Error("no"));
  const removals = new Removals({ remove: no, restore: no });
  await expect(removals.remove(["a"])).rejects.toThrow("no");
  expect(removals.all().size).toBe(0);
  const other = new Removals({ remove: nothing, restore: no });
  await other.remove(["a"]);
  await expect(other.restore(["a"])).rejects.toThrow("no");
  expect(other.all().has("a")).toBe(true);
  other.show(["a"]);
  expect(other.all().size).toBe(0);
});
