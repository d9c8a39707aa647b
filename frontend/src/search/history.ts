/** The search history, stored only in this browser. */

const KEY = "sightline.history";
const MOST = 50;

export function readHistory(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((text) => typeof text === "string") : [];
  } catch {
    // localStorage is blocked, or the stored value is invalid.
    return [];
  }
}

/** Add a text: newest first, without duplicates; it replaces the latest text if that is a prefix of it. */
export function remembered(history: readonly string[], text: string): string[] {
  const [latest, ...others] = history;
  const kept = latest !== undefined && text.startsWith(latest) ? others : history;
  return [text, ...kept.filter((other) => other !== text)].slice(0, MOST);
}

export function remember(text: string): void {
  write(remembered(readHistory(), text));
}

export function forget(text: string): void {
  write(readHistory().filter((other) => other !== text));
}

export function forgetAll(): void {
  write([]);
}

function write(history: readonly string[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(history));
  } catch {
    // localStorage is full or blocked: the page works without a history.
  }
}
