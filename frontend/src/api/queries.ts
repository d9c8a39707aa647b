/** Queries and mutations of the gateway's API, with the keys of the query cache. */

import { infiniteQueryOptions, type QueryClient, queryOptions } from "@tanstack/react-query";
import { urlOf } from "../base";
import { answerOf, api, itemError } from "./client";
import type { BinAnswer, Edit, Hit, Picture, SearchAnswer, Session } from "./schema";

const FIRST_PAGE = 48;
const LATER_PAGES = 100;

/** The pages of a search; `params` are those of GET /api/v1/search. */
export function pagesOf(params: string) {
  return infiniteQueryOptions({
    queryKey: ["search", params],
    queryFn: ({ signal, pageParam }) => {
      const all = new URLSearchParams(params);
      all.set("k", String(pageParam ? LATER_PAGES : FIRST_PAGE));
      if (pageParam) all.set("cursor", pageParam);
      if (!all.has("mode") && (all.has("q") || all.has("term"))) all.set("mode", "auto");
      return answerOf(api.GET("/api/v1/search", { querySerializer: () => all.toString(), signal }));
    },
    initialPageParam: "",
    // Never stale: going back must neither re-rank the wall nor fetch every page again. Changes of the collection
    // invalidate the query.
    staleTime: Number.POSITIVE_INFINITY,
    getNextPageParam: (last: SearchAnswer) => last.next_cursor,
  });
}

/** Try a search: throws while it cannot be answered. */
export async function trySearch(params: string): Promise<void> {
  const all = new URLSearchParams(params);
  all.set("k", "1");
  await answerOf(api.GET("/api/v1/search", { querySerializer: () => all.toString() }));
}

export function pictureOf(id: string) {
  return queryOptions({
    queryKey: ["picture", id],
    queryFn: ({ signal }) =>
      answerOf(api.GET("/api/v1/images/{picture_id}", { params: { path: { picture_id: id } }, signal })),
  });
}

/** What is written in a picture. */
export function textOf(id: string) {
  return queryOptions({
    queryKey: ["text", id],
    queryFn: ({ signal }) =>
      answerOf(api.GET("/api/v1/images/{picture_id}/text", { params: { path: { picture_id: id } }, signal })),
  });
}

export function neighboursOf(id: string) {
  return queryOptions({
    queryKey: ["neighbours", id],
    queryFn: ({ signal }) =>
      answerOf(
        api.GET("/api/v1/images/{picture_id}/similar", {
          params: { path: { picture_id: id }, query: { k: 12 } },
          signal,
        }),
      ),
  });
}

export const facetsQuery = queryOptions({
  queryKey: ["facets"],
  queryFn: ({ signal }) => answerOf(api.GET("/api/v1/facets", { signal })),
  // An empty collection is probably about to be filled, so poll often; any collection may be changed by other clients.
  refetchInterval: ({ state }) => (state.data?.count === 0 ? 3000 : 60_000),
});

export function suggestionsOf(text: string) {
  return queryOptions({
    queryKey: ["suggestions", text],
    queryFn: ({ signal }) =>
      answerOf(api.GET("/api/v1/suggest", { params: { query: { q: text, k: 6 } }, signal })),
    retry: false,
  });
}

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => answerOf(api.GET("/api/v1/session", { signal })),
  staleTime: Number.POSITIVE_INFINITY,
});

/** Whether this browser may add, edit and delete. */
export function mayWrite(session: Session | undefined): boolean {
  return session !== undefined && (!session.required || (session.scope !== null && session.scope !== "read"));
}

export const statsQuery = queryOptions({
  queryKey: ["stats"],
  queryFn: ({ signal }) => answerOf(api.GET("/api/v1/stats", { signal })),
  // What is wrong is told within two seconds.
  refetchInterval: 2000,
  staleTime: 0,
});

/** The folders that are indexed where they lie. */
export const libraryQuery = queryOptions({
  queryKey: ["library"],
  queryFn: ({ signal }) => answerOf(api.GET("/api/v1/library", { signal })),
  refetchInterval: 5000,
  staleTime: 0,
});

/** The jobs of all workers; a running one is watched closely. */
export const jobsQuery = queryOptions({
  queryKey: ["jobs"],
  queryFn: ({ signal }) => answerOf(api.GET("/api/v1/jobs", { signal })),
  refetchInterval: ({ state }) => (state.data?.jobs.some((job) => job.ended_at === null) ? 1000 : 5000),
  staleTime: 0,
});

/** Queue a scan of the library. */
export async function startScan(): Promise<void> {
  await answerOf(api.POST("/api/v1/jobs", { body: { kind: "scan", remove: false, join: false } }));
}

export async function cancelJob(id: string): Promise<void> {
  await answerOf(api.DELETE("/api/v1/jobs/{job_id}", { params: { path: { job_id: id } } }));
}

/** Log in with an API key; the session is in an HttpOnly cookie that the gateway sets. */
export function logIn(key: string): Promise<Session> {
  return answerOf(api.POST("/api/v1/session", { body: { key } }));
}

/** Log out: end the session of this browser. */
export async function leave(): Promise<void> {
  await answerOf(api.DELETE("/api/v1/session"));
}

/** The sessions of this browser's key; with a key of scope admin, the sessions of all keys. */
export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: ({ signal }) => answerOf(api.GET("/api/v1/sessions", { signal })),
  staleTime: 0,
});

export async function endSession(id: string): Promise<void> {
  await answerOf(api.DELETE("/api/v1/sessions/{session_id}", { params: { path: { session_id: id } } }));
}

/** Upload pictures to search by; returns them as terms with tokens, which fit into a URL. */
export async function termsOfFiles(files: readonly File[]): Promise<string[]> {
  const answer = await answerOf(
    api.POST("/api/v1/search", {
      body: { images: [...files] },
      bodySerializer: () => {
        const form = new FormData();
        for (const file of files) form.append("images", file);
        return form;
      },
    }),
  );
  return answer.terms;
}

/** Change a picture's record, and update it in every cached answer. */
export async function editPicture(queries: QueryClient, id: string, changes: Edit): Promise<void> {
  const picture = await answerOf(
    api.PATCH("/api/v1/images/{picture_id}", { params: { path: { picture_id: id } }, body: changes }),
  );
  patchPictures(queries, [picture]);
  void queries.invalidateQueries({ queryKey: ["facets"] });
}

/** Update pictures in every cached answer. */
function patchPictures(queries: QueryClient, pictures: readonly Picture[]): void {
  const changed = new Map(pictures.map((picture) => [picture.id, picture]));
  for (const picture of pictures) queries.setQueryData(["picture", picture.id], picture);
  for (const kind of ["search", "neighbours"]) {
    queries.setQueriesData<SearchAnswer | { pages: SearchAnswer[]; pageParams: unknown[] }>(
      { queryKey: [kind] },
      (kept) => {
        const patched = (page: SearchAnswer): SearchAnswer => ({
          ...page,
          results: page.results.map((hit: Hit) => {
            const picture = changed.get(hit.id);
            return picture ? { ...hit, ...picture } : hit;
          }),
        });
        if (!kept) return kept;
        return "pages" in kept ? { ...kept, pages: kept.pages.map(patched) } : patched(kept);
      },
    );
  }
}

/** Add tags to pictures, or remove tags from them; returns how many could not be changed. */
export async function tagPictures(
  queries: QueryClient,
  ids: readonly string[],
  changes: { add_tags?: string[]; remove_tags?: string[] },
): Promise<number> {
  let failed = 0;
  for (const part of inParts(ids)) {
    const body = { ids: part, add_tags: [], remove_tags: [], ...changes };
    const answer = await answerOf(api.POST("/api/v1/selection/tags", { body }));
    patchPictures(queries, answer.images);
    failed += answer.failed.length;
  }
  void queries.invalidateQueries({ queryKey: ["facets"] });
  return failed;
}

// Pictures in one request.
const IDS_AT_ONCE = 100;

function inParts(ids: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) parts.push(ids.slice(at, at + IDS_AT_ONCE));
  return parts;
}

/** Move pictures to the bin; with `keepalive` the request is completed even if the page is closed. */
export async function deletePictures(ids: readonly string[]): Promise<void> {
  for (const part of inParts(ids)) {
    await answerOf(api.POST("/api/v1/selection/delete", { body: { ids: part }, keepalive: true }));
  }
}

/** Restore pictures from the bin; throws the first error of those that could not be. */
export async function restorePictures(ids: readonly string[]): Promise<void> {
  for (const part of inParts(ids)) {
    const { failed } = await answerOf(
      api.POST("/api/v1/selection/restore", { body: { ids: part }, keepalive: true }),
    );
    if (failed[0]) throw itemError(failed[0].error);
  }
}

/** The searches that are kept in the collection, by name. */
export const keptQuery = queryOptions({
  queryKey: ["kept"],
  queryFn: ({ signal }) => answerOf(api.GET("/api/v1/searches", { signal })),
});

/** Keep a search, or give a kept one another name. */
export async function keepSearch(name: string, search: string): Promise<void> {
  await answerOf(api.POST("/api/v1/searches", { body: { name, search } }));
}

export async function removeKept(id: string): Promise<void> {
  await answerOf(api.DELETE("/api/v1/searches/{search_id}", { params: { path: { search_id: id } } }));
}

/** The pages of the bin, what was deleted last first. */
export const binQuery = infiniteQueryOptions({
  queryKey: ["bin"],
  queryFn: ({ signal, pageParam }) =>
    answerOf(
      api.GET("/api/v1/bin", {
        params: { query: { k: 100, ...(pageParam ? { cursor: pageParam } : {}) } },
        signal,
      }),
    ),
  initialPageParam: "",
  staleTime: 0,
  getNextPageParam: (last: BinAnswer) => last.next_cursor,
});

/** Delete a picture in the bin for good. */
export async function forgetPicture(id: string): Promise<void> {
  await answerOf(api.DELETE("/api/v1/bin/{picture_id}", { params: { path: { picture_id: id } } }));
}

/** Delete everything in the bin for good. */
export async function emptyBin(): Promise<void> {
  await answerOf(api.DELETE("/api/v1/bin"));
}

/**
 * The URL of a picture's file. Not `file_url`, whose path below a proxy's host is right only where the gateway is told
 * that path: the page sees it.
 */
export function original(picture: Picture): string {
  return urlOf(`/api/v1/images/${picture.id}/file`);
}

export function thumbnail(picture: Pick<Picture, "id">, width: 240 | 480 | 960 | 1920): string {
  return urlOf(`/api/v1/images/${picture.id}/thumbnail?w=${width}`);
}
