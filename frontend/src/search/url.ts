/** The URL is the state of the page: ?q= a sentence, or ?like= a picture, and ?picture= the one that is open. */

import { useSearchParams } from "react-router";
import type { Query } from "../api";

export type Place = {
  query: Query | null;
  /** The id of the picture that is open. */
  picture: string | null;
  /** The search string of this place with some parts changed; null removes a part. */
  href: (change: Partial<Record<"q" | "like" | "picture", string | null>>) => string;
};

export function usePlace(): Place {
  const [params] = useSearchParams();
  const text = params.get("q")?.trim();
  const like = params.get("like");
  return {
    query: like ? { kind: "like", id: like } : text ? { kind: "text", text } : null,
    picture: params.get("picture"),
    href: (change) => {
      const next = new URLSearchParams(params);
      for (const [name, value] of Object.entries(change)) {
        if (value === null) next.delete(name);
        else next.set(name, value);
      }
      return `/?${next}`;
    },
  };
}

export function hrefOfText(text: string): string {
  return text.trim() ? `/?${new URLSearchParams({ q: text.trim() })}` : "/";
}

export function hrefOfLike(id: string): string {
  return `/?${new URLSearchParams({ like: id })}`;
}
