/** Pictures on their way into the collection: a few at a time, each with what became of it. Knows no React. */

import { ApiError, errorOf } from "../api/client";
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

// Two more than the encoder works on: while they are looked at, the next ones travel.
const AT_ONCE = 3;
// Ends of names that are no pictures, and not worth a word: what systems put beside pictures.
const BESIDE = /^(\.|thumbs\.db$|desktop\.ini$)/i;
const PICTURE = /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|bmp|avif|heic|heif)$/i;
const TRIES = 6;

export class Queue {
  private items: readonly Item[] = [];
  private files = new Map<number, File>();
  private uploads = new Map<number, Upload>();
  private listeners = new Set<() => void>();
  private next = 1;
  private paused = false;

  /**
   * @param send starts an upload.
   * @param onAdded is told when a picture is in.
   * @param wait lets so many seconds pass.
   */
  constructor(
    private readonly send: Send,
    private readonly onAdded: () => void,
    private readonly wait: (seconds: number) => Promise<void>,
  ) {}

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  all = () => this.items;

  /** Add the pictures among some files; how many they are. */
  add(files: readonly File[]): number {
    const pictures = files.filter(
      (file) => !BESIDE.test(file.name) && (file.type.startsWith("image/") || PICTURE.test(file.name)),
    );
    const items = pictures.map((file): Item => {
      const id = this.next++;
      this.files.set(id, file);
      return { id, name: file.name, state: "waiting", sent: 0 };
    });
    this.items = [...this.items, ...items];
    this.tell();
    this.go();
    return items.length;
  }

  retry = (id: number) => {
    this.change(id, { state: "waiting", sent: 0 }, ["reason"]);
    this.go();
  };

  retryAll = () => {
    for (const item of this.items)
      if (item.state === "failed" && this.files.has(item.id)) this.retry(item.id);
  };

  cancel = (id: number) => {
    this.change(id, { state: "cancelled" });
    this.uploads.get(id)?.cancel();
  };

  cancelAll = () => {
    for (const item of this.items) if (isOpen(item)) this.cancel(item.id);
  };

  /** Forget what is done. */
  clear = () => {
    this.items = this.items.filter(isOpen);
    this.tell();
  };

  private go() {
    while (!this.paused && this.uploads.size < AT_ONCE) {
      const item = this.items.find((one) => one.state === "waiting");
      const file = item && this.files.get(item.id);
      if (!item || !file) return;
      void this.upload(item.id, file);
    }
  }

  private async upload(id: number, file: File) {
    this.change(id, { state: "sending", sent: 0 });
    const upload = this.send(file, (sent) => {
      if (this.find(id)?.state === "sending" || sent < 1)
        this.change(id, { state: sent < 1 ? "sending" : "working", sent });
    });
    this.uploads.set(id, upload);
    try {
      const { status, id: picture, error } = await upload.done;
      if (status === "failed") this.change(id, { state: "failed", reason: error?.detail ?? "" });
      else {
        this.change(id, { state: status, ...(picture ? { picture } : {}) });
        this.files.delete(id);
        this.onAdded();
      }
    } catch (error) {
      await this.fail(id, error);
    } finally {
      this.uploads.delete(id);
      this.go();
    }
  }

  private tries = new Map<number, number>();

  private async fail(id: number, error: unknown) {
    if (this.find(id)?.state === "cancelled") return;
    const tries = (this.tries.get(id) ?? 0) + 1;
    this.tries.set(id, tries);
    const seconds = error instanceof ApiError ? error.retryAfter : null;
    // The system asks to wait: it is no fault of the file, and nothing else is sent meanwhile.
    if (seconds !== null && tries < TRIES) {
      this.change(id, { state: "waiting", sent: 0 });
      this.paused = true;
      await this.wait(seconds);
      this.paused = false;
      return;
    }
    this.change(id, { state: "failed", reason: error instanceof Error ? error.message : String(error) });
  }

  private find(id: number) {
    return this.items.find((item) => item.id === id);
  }

  private change(id: number, changes: Partial<Item>, without: ("reason" | "picture")[] = []) {
    this.items = this.items.map((item) => {
      if (item.id !== id || (item.state === "cancelled" && changes.state !== "waiting")) return item;
      const changed = { ...item, ...changes };
      for (const name of without) delete changed[name];
      return changed;
    });
    this.tell();
  }

  private tell() {
    for (const listener of this.listeners) listener();
  }
}

/** Whether something still happens to it. */
export function isOpen(item: Item): boolean {
  return item.state === "waiting" || item.state === "sending" || item.state === "working";
}

/** One file in one request: `fetch` does not tell how much of it was sent. */
export function sendFile(file: File, onProgress: (sent: number) => void): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<UploadItem>((resolve, reject) => {
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.upload.onload = () => onProgress(1);
    request.onload = () => {
      let answer: { items?: UploadItem[] } | null = null;
      try {
        answer = JSON.parse(request.responseText) as { items?: UploadItem[] };
      } catch {
        // An edge that answers in its own words.
      }
      const item = answer?.items?.[0];
      if (item) resolve(item);
      else reject(errorOf(request.status, answer, request.getResponseHeader("Retry-After")));
    };
    // Gone for a moment, or for good: it is tried again a few times.
    request.onerror = () => reject(new ApiError(0, "no answer came", "", 2));
    request.onabort = () => reject(new ApiError(0, "cancelled"));
  });
  const form = new FormData();
  form.append("images", file, file.name);
  request.open("POST", "/api/v1/images");
  request.send(form);
  return { done, cancel: () => request.abort() };
}
