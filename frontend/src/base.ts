/**
 * The path that the page is served under, with a slash at its end: "/", or "/photos/" below a proxy's host name.
 *
 * A built module lies in BASE/assets/.
 */
export const BASE = import.meta.env.PROD ? new URL(/* @vite-ignore */ "..", import.meta.url).pathname : "/";

/** The URL of a path of this page or of the API, which begins with a slash. */
export function urlOf(path: string): string {
  return BASE + path.slice(1);
}
