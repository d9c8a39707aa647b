import { describe, expect, it } from "vitest";
import type { JobAnswer, ScanProgress } from "../api/schema";
import { activeScan, byFault, lastFull, secondsLeft } from "./scans";

const nothing: ScanProgress = {
  total: 0,
  done: 0,
  unchanged: 0,
  added: 0,
  exists: 0,
  deleted: 0,
  failed: 0,
  gone: 0,
  back: 0,
  forgotten: 0,
  failures: [],
  left_out: {},
};

function job(id: string, given: Partial<JobAnswer>): JobAnswer {
  return {
    id,
    kind: "scan",
    status: "done",
    params: {},
    progress: nothing,
    problem: null,
    created_at: "2026-05-01T12:00:00.000+00:00",
    started_at: "2026-05-01T12:00:00.000+00:00",
    seen_at: null,
    ended_at: null,
    ...given,
  };
}

const ended = "2026-05-01T12:01:00.000+00:00";

describe("jobs of the library", () => {
  it("shows the running scan before one that waits, and no other kind", () => {
    const waits = job("waits", { status: "queued" });
    const runs = job("runs", { status: "running" });
    const reindex = job("reindex", { kind: "reindex", status: "running" });
    expect(activeScan([reindex, waits, runs])?.id).toBe("runs");
    expect(activeScan([reindex, waits])?.id).toBe("waits");
    expect(activeScan([reindex, job("done", { ended_at: ended })])).toBeUndefined();
  });

  it("takes the last scan of everything that has ended", () => {
    const part = job("part", { params: { paths: ["/a"] }, ended_at: ended });
    const runs = job("runs", { status: "running" });
    expect(lastFull([runs, part, job("full", { ended_at: ended })])?.id).toBe("full");
    expect(lastFull([runs, part])).toBeUndefined();
  });

  it("groups failures by reason, the most frequent first", () => {
    const failures = [
      { file: "a", fault: "damaged", reason: "" },
      { file: "b", fault: "unreadable", reason: "" },
      { file: "c", fault: "unreadable", reason: "" },
    ];
    expect(byFault(failures)).toEqual([
      ["unreadable", ["b", "c"]],
      ["damaged", ["a"]],
    ]);
  });

  it("estimates the time left from the files that took time", () => {
    // 10 of 20 changed files in 10 s, after 80 unchanged ones: 10 more seconds.
    const progress = { ...nothing, total: 100, done: 90, unchanged: 80, added: 10 };
    const start = Date.parse("2026-05-01T12:00:00.000+00:00");
    expect(secondsLeft(job("a", { progress }), start + 10_000)).toBe(10);
    expect(secondsLeft(job("a", { progress }), start + 1000)).toBeNull();
    expect(secondsLeft(job("a", { progress: { ...progress, done: 80 } }), start + 10_000)).toBeNull();
  });
});
