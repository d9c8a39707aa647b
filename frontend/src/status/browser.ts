// In order, the first match wins: a browser's User-Agent also contains the names of those after it.
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

/** The browser and system of a User-Agent; if neither is known, its first 40 characters; null if it is empty. */
export function browserOf(client: string): string | null {
  const named = [BROWSERS, SYSTEMS].flatMap((known) => known.find(([mark]) => mark.test(client))?.[1] ?? []);
  return named.length > 0 ? named.join(", ") : client.slice(0, 40) || null;
}
