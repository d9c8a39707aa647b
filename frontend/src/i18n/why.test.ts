import { describe, expect, it } from "vitest";
import { ApiError, errorOf, itemError } from "../api/client";
import { pagesDe } from "./pages-de";
import { pagesEn } from "./pages-en";
import { whyOf } from "./why";

const english = (error: unknown) => whyOf(error, pagesEn, (value) => value.toLocaleString("en"));
const item = (kind: string, more = {}) =>
  itemError({ type: `urn:sightline:error:${kind}`, title: "", detail: "in the API's words", ...more });

describe("why something failed", () => {
  it("is said from the kind and the data of the error, in the page's words", () => {
    expect(english(item("unsupported-picture"))).toBe("it is damaged, or not in a supported format");
    expect(english(item("too-large", { limit: 20_000_000, unit: "bytes" }))).toBe("it is larger than 20 MB");
    expect(english(item("too-large", { limit: 30_000, unit: "pixels-per-side" }))).toBe(
      "it is larger than 30,000 pixels on a side",
    );
    expect(english(item("too-large", { limit: 256_000_000, unit: "bytes-of-memory" }))).toBe(
      "it is larger than fits into 256 MB of memory",
    );
    const busy = errorOf(503, { type: "urn:sightline:error:unavailable", part: "encoder" }, null);
    expect(english(busy)).toBe("the encoder does not answer");
    expect(english(errorOf(503, { type: "urn:sightline:error:unavailable", part: "other" }, null))).toBe(
      "a part of Sightline does not answer",
    );
  });

  it("has a sentence for what it does not know", () => {
    expect(english(new ApiError(0, ""))).toBe("the server does not answer");
    expect(english(errorOf(502, "<html>", null))).toBe("something went wrong on the server");
    expect(english(new Error("a fault of the page"))).toBe("something went wrong on the server");
    expect(Object.keys(pagesDe.why).sort()).toEqual(Object.keys(pagesEn.why).sort());
  });
});
