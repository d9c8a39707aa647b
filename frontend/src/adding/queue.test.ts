import { expect, test, vi } from "vitest";
import { ApiError } from "../api/client";
import type { UploadItem } from "../api/schema";
import { Queue, type Send } from "./queue";

const file = (name: string, type = "image/jpeg") => new File(["x"], name, { type });
const later = () => new Promise((done) => setTimeout(done));

/** A service whose answers are given by hand. */
function service() {
  const open: { name: string; answer: (item: UploadItem) => void; refuse: (error: Error) => void }[] = [];
  const send: Send = (sent, onProgress) => {
    onProgress(0.5);
    let cancel: () => void = () => undefined;
    const done = new Promise<UploadItem>((answer, refuse) => {
      open.push({ name: sent.name, answer, refuse });
      cancel = () => refuse(new ApiError(0, "cancelled"));
    });
    return { done, cancel };
  };
  return { open, send };
}

const none = async () => undefined;

test("three go at once, in order, and each tells what became of it", async () => {
  const { open, send } = service();
  const added = vi.fn();
  const queue = new Queue(send, added, none);
  expect(queue.add(["a.jpg", "b.jpg", "c.jpg", "d.jpg"].map((name) => file(name)))).toBe(4);
  expect(queue.all().map((item) => item.state)).toEqual(["sending", "sending", "sending", "waiting"]);
  open[0]?.answer({ status: "added", details_taken: true, id: "1" });
  open[1]?.answer({ status: "exists", details_taken: true, id: "2" });
  open[2]?.answer({
    status: "failed",
    details_taken: true,
    id: null,
    error: { type: "urn:sightline:error:unsupported-picture", title: "t", detail: "damaged" },
  });
  await later();
  expect(queue.all().map((item) => item.state)).toEqual(["added", "exists", "failed", "sending"]);
  expect(queue.all()[0]?.picture).toBe("1");
  expect(queue.all()[2]?.error).toMatchObject({ facts: { kind: "unsupported-picture" } });
  // Sending it again would not help.
  queue.retryAll();
  expect(queue.all()[2]).toMatchObject({ state: "failed", hopeless: true });
  expect(added).toHaveBeenCalledTimes(2);
  expect(open[3]?.name).toBe("d.jpg");
});

test("only pictures go in, and other files get their line", () => {
  const queue = new Queue(service().send, none, none);
  expect(queue.add([file("a.txt", "text/plain"), file("Thumbs.db", "image/x"), file(".x.jpg")])).toBe(0);
  expect(queue.all().map((item) => [item.name, item.state])).toEqual([["a.txt", "skipped"]]);
  // Some systems know no type for it.
  expect(queue.add([file("b.HEIC", "")])).toBe(1);
});

test("what is asked to wait waits, and nothing else is sent meanwhile", async () => {
  const { open, send } = service();
  const waits: number[] = [];
  let go: () => void = () => undefined;
  const wait = (seconds: number) => {
    waits.push(seconds);
    return new Promise<void>((done) => {
      go = done;
    });
  };
  const queue = new Queue(send, none, wait);
  queue.add(["a.jpg", "b.jpg", "c.jpg", "d.jpg"].map((name) => file(name)));
  open[0]?.refuse(new ApiError(429, "too many", { retryAfter: 7 }));
  await later();
  open[1]?.answer({ status: "added", details_taken: true, id: "2" });
  await later();
  expect(waits).toEqual([7]);
  expect(queue.pausedUntil()).toBeGreaterThan(Date.now() + 6000);
  expect(queue.pausedUntil()).toBeGreaterThan(Date.now() + 6000);
  expect(open).toHaveLength(3);
  go();
  await later();
  expect(open.map((one) => one.name)).toEqual(["a.jpg", "b.jpg", "c.jpg", "a.jpg", "d.jpg"]);
});

test("what was cancelled stays so, and what failed can be tried again", async () => {
  const { open, send } = service();
  const queue = new Queue(send, none, none);
  queue.add([file("a.jpg"), file("b.jpg")]);
  const [a, b] = queue.all();
  queue.cancel(a?.id ?? 0);
  open[1]?.refuse(new ApiError(403, "not allowed"));
  await later();
  expect(queue.all()).toMatchObject([{ state: "cancelled" }, { state: "failed", error: { status: 403 } }]);
  queue.retry(b?.id ?? 0);
  expect(queue.all()[1]).toMatchObject({ state: "sending" });
  open[2]?.answer({ status: "added", details_taken: true, id: "2" });
  await later();
  queue.clear();
  expect(queue.all()).toEqual([]);
});

test("the time left is told when some files are done", async () => {
  vi.useFakeTimers({ now: 0, toFake: ["Date"] });
  const { open, send } = service();
  const queue = new Queue(send, none, none);
  queue.add([..."abcdefgh"].map((name) => file(`${name}.jpg`)));
  expect(queue.secondsLeft()).toBeNull();
  for (const i of [0, 1, 2]) {
    open[i]?.answer({ status: "added", details_taken: true, id: `${i}` });
    await later();
  }
  vi.setSystemTime(6000);
  // Three in six seconds; five are left.
  expect(queue.secondsLeft()).toBe(10);
  vi.useRealTimers();
});
