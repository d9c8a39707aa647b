/** The gateway's API, as the page uses it. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

export type Picture = {
  id: string;
  caption: string;
  tags: string[];
  file_name: string;
  width: number;
  height: number;
  added_at: string;
  file_url: string;
  thumbnail_url: string;
};

/** `confidence`: how sure the system is that it fits, 0 to 1; null where that is not known. */
export type Hit = Picture & { score: number; confidence: number | null };

export type Page = {
  results: Hit[];
  model_id: string | null;
  generation: string;
  next_cursor: string | null;
  took_ms: number;
  /** Whether the best result of a text search is a match at all; null where that is not known. */
  confident?: boolean | null;
};

export type Stats = { count: number; model_id: string | null; generation: string; captions: string[] };

/** What is searched for: a sentence, or pictures like one that is here. */
export type Query = { kind: "text"; text: string } | { kind: "like"; id: string };

/** A request that failed, with the sentence that the service gave. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly requestId: string,
  ) {
    super(message);
  }
}

const PAGE_SIZE = 48;

/** Let this browser send a key with each request; the gateway keeps it in a cookie that no script can read. */
export async function logIn(key: string): Promise<void> {
  await ask("/api/v1/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ key }),
  });
}

function get<T>(path: string, signal: AbortSignal): Promise<T> {
  return ask(path, { signal });
}

async function ask<T>(path: string, init: RequestInit): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "no answer came", "");
  }
  if (answer.ok) return (await answer.json()) as T;
  const problem: unknown = await answer.json().catch(() => null);
  const { detail, request_id } = (problem ?? {}) as { detail?: string; request_id?: string };
  throw new ApiError(answer.status, detail ?? `it answered ${answer.status}`, request_id ?? "");
}

/** An id comes from the URL, where anybody may have written anything. */
function pathOf(id: string): string {
  return `/api/v1/images/${encodeURIComponent(id)}`;
}

export function pagesOf(query: Query) {
  return infiniteQueryOptions({
    queryKey: ["search", query],
    queryFn: ({ signal, pageParam }) => {
      const params = new URLSearchParams({ k: String(PAGE_SIZE) });
      if (pageParam) params.set("cursor", pageParam);
      if (query.kind === "like") return get<Page>(`${pathOf(query.id)}/similar?${params}`, signal);
      params.set("q", query.text);
      return get<Page>(`/api/v1/search?${params}`, signal);
    },
    initialPageParam: "",
    getNextPageParam: (last: Page) => last.next_cursor,
  });
}

export function pictureOf(id: string) {
  return queryOptions({
    queryKey: ["picture", id],
    queryFn: ({ signal }) => get<Picture>(pathOf(id), signal),
  });
}

export function neighboursOf(id: string) {
  return queryOptions({
    queryKey: ["neighbours", id],
    queryFn: ({ signal }) => get<Page>(`${pathOf(id)}/similar?k=12`, signal),
  });
}

export const statsQuery = queryOptions({
  queryKey: ["stats"],
  queryFn: ({ signal }) => get<Stats>("/api/v1/stats", signal),
  // An empty collection is being filled, more often than not.
  refetchInterval: ({ state }) => (state.data?.count === 0 ? 3000 : false),
});

export function thumbnail(picture: Picture, width: 240 | 480 | 960 | 1920): string {
  return `${picture.thumbnail_url}?w=${width}`;
}

/** How a picture is named to a person who does not see it. */
export function nameOf(picture: Picture): string {
  return picture.caption || picture.file_name || "A picture without a caption";
}
