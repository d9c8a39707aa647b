/** Pictures on their way into the collection: a few at a time, each with what became of it. Knows no React. */

import { ApiError } from "../api/client";
import type { UploadItem } from "../api/schema";

export type State = "waiting" | "sending" | "working" | "added" | "exists" | "failed" | "cancelled";

export type Item = {
  id: number;
  name: string;
  state: State;
  /** How much of it was sent, 0 to 1. */
  sent: number;
  /** Why it failed, in the service's words. */
  reason?: string;
  /** The picture that it has become. */
  picture?: string;
};

export type Upload = {
  /** What became of the file. */
  done: Promise<UploadItem>;
  cancel: () => void;
};

export type Send = (file: File, onProgress: (sent: number) => void) => Upload;

// One more than the encoder can be busy with: while two are looked at, the next one travels.
const AT_ONCE = 3;
// What systems put beside pictures, and is not worth a word.
const BESIDE = /^(\.|thumbs\.db$|desktop\.ini$)/i;
const PICTURE = /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|bmp|avif|heic|heif)$/i;
const TRIES = 6;

/** Whether a file says that it is a picture; some systems know no type for HEIC. */
export function isPicture(file: File): boolean {
  return (
    !BESIDE.test(file.name) &&
    (file.type.startsWith("image/") || (file.type === "" && PICTURE.test(file.name)))
  );
}

/** Whether something still happens to it. */
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

  /**
   * @param send starts an upload.
   * @param onAdded is told of each picture that is in.
   * @param wait lets so many seconds pass.
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

  /** When it goes on, in milliseconds of the clock, while the system has asked to wait. */
  pausedUntil = () => this.until;

  /** Add the pictures among some files; how many they are. */
  add(files: readonly File[]): number {
    const pictures = files.filter(isPicture);
    for (const file of pictures) {
      const id = this.next++;
      this.files.set(id, file);
      this.items.set(id, { id, name: file.name, state: "waiting", sent: 0 });
      this.waiting.push(id);
    }
    this.tell();
    this.go();
    return pictures.length;
  }

  retry = (id: number) => {
    const item = this.items.get(id);
    if (!item || !this.files.has(id) || isOpen(item)) return;
    this.tries.delete(id);
    this.items.set(id, { id, name: item.name, state: "waiting", sent: 0 });
    this.waiting.push(id);
    this.tell();
    this.go();
  };

  retryAll = () => {
    for (const item of this.all()) if (item.state === "failed") this.retry(item.id);
  };

  /** Of what is being looked at already nothing can be taken back. */
  cancel = (id: number) => {
    const state = this.items.get(id)?.state;
    if (state !== "waiting" && state !== "sending") return;
    this.change(id, { state: "cancelled" });
    this.uploads.get(id)?.cancel();
  };

  cancelAll = () => {
    for (const item of this.all()) this.cancel(item.id);
  };

  /** Forget what is done. */
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
      if (status === "failed") this.change(id, { state: "failed", reason: error?.detail ?? "" });
      else {
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
    const seconds = error instanceof ApiError ? error.retryAfter : null;
    if (seconds === null || tries >= TRIES) {
      this.change(id, { state: "failed", reason: error instanceof Error ? error.message : String(error) });
      return;
    }
    // The system asks to wait: it is no fault of the file, and nothing else is sent meanwhile.
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
    this.items.set(id, { ...item, ...changes });
    this.tell();
  }

  private tell() {
    // Thousands of files change in one breath; the list of them is made when it is looked at.
    this.stale = true;
    for (const listener of this.listeners) listener();
  }
}
