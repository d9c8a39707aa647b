import { ApiError } from "../api/client";
import type { PageMessages } from "./pages-en";

// Bytes and pixels are said in millions.
const MILLION: Record<string, number> = { bytes: 1e6, "bytes-of-memory": 1e6, pixels: 1e6 };

/** Why something failed, as a clause of the page: made from the error's kind and data, not from the service's words. */
export function whyOf(error: unknown, t: PageMessages, number: (value: number) => string): string {
  const { status, facts } = error instanceof ApiError ? error : new ApiError(500, "");
  const { kind = "", part, limit, unit } = facts;
  if (kind === "too-large" && limit && unit) {
    return t.tooLarge(t.units[unit](number(limit / (MILLION[unit] ?? 1))));
  }
  return t.why[part ?? ""] ?? t.why[kind] ?? t.why[status === 0 ? "silent" : "internal"] ?? "";
}
