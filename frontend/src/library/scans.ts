/** What the library page reads from the list of jobs. */

import type { FailedFile, JobAnswer, ScanProgress } from "../api/schema";

/** The progress of a scan; null before its first step, and for other jobs. */
export function progressOf(job: JobAnswer): ScanProgress | null {
  return job.progress && "added" in job.progress ? job.progress : null;
}

/** Whether a scan covers the whole library, and not only some changed files. */
export function isFull(job: JobAnswer): boolean {
  return job.kind === "scan" && !("paths" in job.params);
}

/** The scan that runs, else one that waits. */
export function activeScan(jobs: readonly JobAnswer[]): JobAnswer | undefined {
  const scans = jobs.filter((job) => job.kind === "scan");
  return scans.find((job) => job.status === "running") ?? scans.find((job) => job.status === "queued");
}

/** The last scan of everything that has ended; `jobs` has the newest first. */
export function lastFull(jobs: readonly JobAnswer[]): JobAnswer | undefined {
  return jobs.find((job) => isFull(job) && job.ended_at !== null);
}

/** Failed files by the kind of fault, the most frequent kind first. */
export function byFault(failures: readonly FailedFile[]): [fault: string, files: string[]][] {
  const groups = new Map<string, string[]>();
  for (const { file, fault = "unreadable" } of failures)
    groups.set(fault, [...(groups.get(fault) ?? []), file]);
  return [...groups].sort((a, b) => b[1].length - a[1].length);
}

// Earlier estimates would jump: the first batch waits for the encoder to warm up.
const SOONEST_S = 5;

/** Estimated seconds until a running scan ends; null while it is too early to say. Unchanged files take no time. */
export function secondsLeft(job: JobAnswer, now: number): number | null {
  const progress = progressOf(job);
  if (!progress || !job.started_at) return null;
  const elapsed = (now - new Date(job.started_at).getTime()) / 1000;
  const worked = progress.done - progress.unchanged;
  if (elapsed < SOONEST_S || worked <= 0) return null;
  return ((progress.total - progress.done) * elapsed) / worked;
}
