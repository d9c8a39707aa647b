/** What was searched for before, kept in this browser alone. */

const KEY = "sightline.history";
const MOST = 50;

export function readHistory(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((text) => typeof text === "string") : [];
  } catch {
    // A browser that keeps nothing, or something else that was kept under this name.
    return [];
  }
}

/** The latest first, each once; a sentence takes the place of its own beginning, typed a moment before. */
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
    // It is a convenience: without room for it the page is as it was.
  }
}
