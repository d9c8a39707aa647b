// The first that fits: each browser also calls itself by the names of those after it.
const BROWSERS = [
  [/Edg/, "Edge"],
  [/OPR/, "Opera"],
  [/SamsungBrowser/, "Samsung Internet"],
  [/Firefox|FxiOS/, "Firefox"],
  [/Chrom|CriOS/, "Chrome"],
  [/Safari/, "Safari"],
] as const;
const SYSTEMS = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/CrOS/, "ChromeOS"],
  [/Mac OS X/, "macOS"],
  [/Linux/, "Linux"],
] as const;

/** A browser in two words, out of what it calls itself; null where it says neither. */
export function browserOf(client: string): string | null {
  const named = [BROWSERS, SYSTEMS].flatMap((known) => known.find(([mark]) => mark.test(client))?.[1] ?? []);
  return named.length > 0 ? named.join(", ") : client.slice(0, 40) || null;
}
