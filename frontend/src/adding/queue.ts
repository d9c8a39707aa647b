/** The upload queue: uploads a few files at a time and keeps the state of each. Independent of React. */

import { ApiError, itemError } from "../api/client";
import type { UploadItem } from "../api/schema";

export type State =
  | "waiting"
  | "sending"
  | "working"
  | "added"
  | "exists"
  | "failed"
  | "cancelled"
  | "skipped";

export type Item = {
  id: number;
  name: string;
  state: State;
  /** Upload progress, 0 to 1. */
  sent: number;
  /** Why it failed. */
  error?: unknown;
  /** Whether sending it again would fail in the same way: the file is at fault. */
  hopeless?: boolean;
  /** The id of the picture, once it is added. */
  picture?: string;
};

export type Upload = {
  /** The result of the file. */
  done: Promise<UploadItem>;
  cancel: () => void;
};

export type Send = (file: File, onProgress: (sent: number) => void) => Upload;

// One more than the gateway decodes and encodes at once (2): the third file is transferred meanwhile.
const AT_ONCE = 3;
// System files beside pictures, which are skipped silently.
const BESIDE = /^(\.|thumbs\.db$|desktop\.ini$)/i;
const PICTURE = /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|bmp|avif|heic|heif)$/i;
const TRIES = 6;
// Errors of a file that no further try changes.
const OF_THE_FILE = ["unsupported-picture", "too-large", "invalid"];
// Finished files from which on the time left is estimated.
const ENOUGH = 3;

/** Whether a file is a picture by its MIME type, or by its name if it has no type: some systems have none for HEIC. */
export function isPicture(file: File): boolean {
  return (
    !BESIDE.test(file.name) &&
    (file.type.startsWith("image/") || (file.type === "" && PICTURE.test(file.name)))
  );
}

/** Whether the file is not finished yet. */
export function isOpen(item: Item): boolean {
  return item.state === "waiting" || item.state === "sending" || item.state === "working";
}

export class Queue {
  private items = new Map<number, Item>();
  private snapshot: readonly Item[] = [];
  private stale = false;
  private files = new Map<number, File>();
  private waiting: number[] = [];
  private uploads = new Map<number, Upload>();
  private tries = new Map<number, number>();
  private listeners = new Set<() => void>();
  private next = 1;
  private until: number | null = null;
  /** Since when files have been sent without a pause in between, and how many have ended, for the time left. */
  private begun = 0;
  private ended = 0;

  /**
   * @param send starts an upload.
   * @param onAdded is called for each picture that was added.
   * @param wait resolves after a number of seconds.
   */
  constructor(
    private readonly send: Send,
    private readonly onAdded: (picture: string) => void,
    private readonly wait: (seconds: number) => Promise<void>,
  ) {}

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  all = (): readonly Item[] => {
    if (this.stale) {
      this.snapshot = [...this.items.values()];
      this.stale = false;
    }
    return this.snapshot;
  };

  /** While the queue is paused: the time at which it continues, in milliseconds since 1970. */
  pausedUntil = () => this.until;

  /** The estimated time in seconds until the last file is done; null while too little is known. */
  secondsLeft = (): number | null => {
    const left = this.all().filter(isOpen).length;
    if (left === 0 || this.ended < ENOUGH) return null;
    return (left * (Date.now() - this.begun)) / this.ended / 1000;
  };

  /** Add the pictures among some files to the queue, and a line for each other file; returns how many pictures. */
  add(files: readonly File[]): number {
    if (!this.all().some(isOpen)) [this.begun, this.ended] = [Date.now(), 0];
    let pictures = 0;
    for (const file of files) {
      if (BESIDE.test(file.name)) continue;
      const id = this.next++;
      if (!isPicture(file)) {
        this.items.set(id, { id, name: file.name, state: "skipped", sent: 0 });
        continue;
      }
      pictures += 1;
      this.files.set(id, file);
      this.items.set(id, { id, name: file.name, state: "waiting", sent: 0 });
      this.waiting.push(id);
    }
    this.tell();
    this.go();
    return pictures;
  }

  retry = (id: number) => {
    const item = this.items.get(id);
    if (!item || !this.files.has(id) || isOpen(item) || item.hopeless) return;
    this.tries.delete(id);
    this.items.set(id, { id, name: item.name, state: "waiting", sent: 0 });
    this.waiting.push(id);
    this.tell();
    this.go();
  };

  retryAll = () => {
    for (const item of this.all()) if (item.state === "failed") this.retry(item.id);
  };

  /** Cancel an upload; not possible once the file is sent and being processed. */
  cancel = (id: number) => {
    const state = this.items.get(id)?.state;
    if (state !== "waiting" && state !== "sending") return;
    this.change(id, { state: "cancelled" });
    this.uploads.get(id)?.cancel();
  };

  cancelAll = () => {
    for (const item of this.all()) this.cancel(item.id);
  };

  /** Remove finished files from the list. */
  clear = () => {
    for (const item of this.all()) {
      if (isOpen(item)) continue;
      this.items.delete(item.id);
      this.files.delete(item.id);
    }
    this.tell();
  };

  private go() {
    while (this.until === null && this.uploads.size < AT_ONCE) {
      const id = this.waiting.shift();
      if (id === undefined) return;
      const file = this.files.get(id);
      if (file && this.items.get(id)?.state === "waiting") void this.upload(id, file);
    }
  }

  private async upload(id: number, file: File) {
    this.change(id, { state: "sending", sent: 0 });
    const upload = this.send(file, (sent) => {
      const state = this.items.get(id)?.state;
      if (state === "sending") this.change(id, { state: sent < 1 ? "sending" : "working", sent });
    });
    this.uploads.set(id, upload);
    try {
      const { status, id: picture, error } = await upload.done;
      if (status === "failed") {
        const known = error && itemError(error);
        const hopeless = OF_THE_FILE.includes(known?.facts.kind ?? "");
        this.change(id, { state: "failed", error: known, hopeless });
        if (hopeless) this.files.delete(id);
      } else {
        this.change(id, { state: status, ...(picture ? { picture } : {}) });
        this.files.delete(id);
        if (picture) this.onAdded(picture);
      }
    } catch (error) {
      this.uploads.delete(id);
      await this.fail(id, error);
    } finally {
      this.uploads.delete(id);
      this.go();
    }
  }

  private async fail(id: number, error: unknown) {
    if (this.items.get(id)?.state === "cancelled") return;
    const tries = (this.tries.get(id) ?? 0) + 1;
    this.tries.set(id, tries);
    const seconds = error instanceof ApiError ? (error.facts.retryAfter ?? null) : null;
    if (seconds === null || tries >= TRIES) {
      this.change(id, { state: "failed", error });
      return;
    }
    // The system is busy or does not answer, which is not the file's fault: pause the queue, then retry.
    this.change(id, { state: "waiting", sent: 0 });
    this.waiting.unshift(id);
    this.until = Math.max(this.until ?? 0, Date.now() + 1000 * seconds);
    this.tell();
    await this.wait(seconds);
    this.until = null;
    this.tell();
  }

  private change(id: number, changes: Partial<Item>) {
    const item = this.items.get(id);
    if (!item) return;
    const next = { ...item, ...changes };
    this.items.set(id, next);
    if (isOpen(item) && !isOpen(next)) this.ended += 1;
    this.tell();
  }

  private tell() {
    // Thousands of files may change at once, so the list is rebuilt lazily, when it is read.
    this.stale = true;
    for (const listener of this.listeners) listener();
  }
}
