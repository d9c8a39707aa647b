import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import {
  lazy,
  type RefObject,
  Suspense,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { ApiError } from "../api/client";
import { facetsQuery, pagesOf, statsQuery, trySearch } from "../api/queries";
import type { Hit } from "../api/schema";
import { useMessages, useSpeech } from "../i18n/language";
import { Link } from "../navigation";
import { useShared } from "../shared";
import { Notice } from "../ui/notice";
import { countCertain } from "../wall/certainty";
import { useScrollRestoration } from "../wall/scroll-restoration";
import type { WallHandle } from "../wall/use-wall";
import { Wall, WallSkeleton } from "../wall/wall";
import { Failed } from "./failed";
import { Empty } from "./home";
import { asks, EVERYTHING, hrefOf } from "./query";
import styles from "./search-page.module.css";
import type { SearchParams } from "./search-params";

const SelectionBar = lazy(() =>
  import("../wall/selection-bar").then((module) => ({ default: module.SelectionBar })),
);

const Viewer = lazy(() => import("../viewer/viewer").then((module) => ({ default: module.Viewer })));

// After this time without an answer, the page shows a message that it is still waiting.
const SLOW_MS = 4000;

// After this time without an answer, the page asks whether all parts are well; that takes up to 1.5 s if one hangs.
const PROMPT_MS = 200;

// The wall ends when this many less certain pictures are on it; more are shown on request.
const LESS_CERTAIN = 24;

// How often a search that failed is tried again.
const AGAIN_MS = 2000;

// A picture that has not loaded within this time is not scrolled to: the user has moved on.
const PATIENCE_MS = 3000;

type Props = { params: SearchParams; title: string; onAdd: (() => void) | undefined };

/**
 * The results of a search, or a listing; on the front page the latest pictures alone. The previous wall stays, dimmed,
 * until the new results have loaded.
 */
export function Results({ params, title, onAdd }: Props) {
  const t = useMessages();
  const search = useInfiniteQuery({
    ...pagesOf(params.search),
    // The front page's pictures have nothing to do with what is searched for from there.
    placeholderData: (before, query) => (query?.queryKey[1] === "" ? undefined : before),
  });
  const { fetchNextPage, refetch } = search;
  const stale = search.isPlaceholderData;
  const hits = useShown(search.data?.pages);
  const more = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  const again = useCallback(() => void refetch(), [refetch]);
  // A cursor that has gone stays so: the wall begins again, and keeps its place as far as it can.
  const gone = search.error instanceof ApiError && search.error.status === 410;
  const onward = gone ? again : more;
  const idle = search.hasNextPage && !search.isFetchingNextPage && !stale && !search.isFetchNextPageError;
  // Keep showing results that are there if a refetch fails.
  const failed = search.error && !search.data ? search.error : null;
  useComeBack(failed, params.search, again);
  const nothing = search.isSuccess && !stale && hits.length === 0;
  const front = !params.searching;
  const first = search.data?.pages[0];
  // The count of the first page only: a screen reader announces it once, not with each further page.
  const shown = first?.results.length ?? 0;
  const unsure = first?.confident === false;
  const certain = unsure ? 0 : countCertain(hits);
  const [further, setFurther] = useState<string | null>(null);
  const passed = hits.some((hit) => hit.confidence !== null) && hits.length - certain >= LESS_CERTAIN;
  const ended = front || (passed && further !== params.search);
  const unjudged = useOnce(
    asks(params.query) && !stale && hits[0]?.confidence === null && first?.mode === "vector",
  );
  const wall = useRef<WallHandle>(null);
  useScrollRestoration(
    wall,
    params.search,
    hits.length,
    search.isSuccess && !stale,
    !search.hasNextPage,
    idle ? more : undefined,
  );
  const { selection } = useShared();
  const selecting = useSyncExternalStore(selection.subscribe, () => selection.all().size > 0);
  // A selection belongs to its wall.
  // biome-ignore lint/correctness/useExhaustiveDependencies: cleared when the search changes
  useEffect(() => selection.clear, [selection, params.search]);
  const reveal = useReveal(wall, hits);
  const waiting = search.isFetching && (search.isPending || stale);
  const slow = useLong(waiting, SLOW_MS);
  // What is wrong is told within two seconds, also where a part hangs and the search itself would fail much later.
  const stats = useQuery({ ...statsQuery, enabled: useLong(waiting, PROMPT_MS) });
  const silent = waiting && stats.data?.model === null;
  useRefill(nothing, again);

  const status = failed
    ? ""
    : search.isPending || stale
      ? t.wall.searching
      : nothing
        ? t.wall.none
        : unsure
          ? t.wall.showingUnsure(shown)
          : first?.mode === "list"
            ? t.wall.listing(shown)
            : t.wall.showing(shown);

  return (
    <div className={styles.results} data-wall={hits.length > 0 || undefined}>
      <h2 className="unseen">{front ? t.home.latest : t.wall.heading(title)}</h2>
      {/* Live region: it must stay mounted, so that screen readers announce changes. */}
      <p className="unseen" role="status">
        {status}
      </p>
      {(slow || silent) && <p className={styles.slow}>{silent ? t.wall.noEncoder : t.wall.slow}</p>}
      {failed ? (
        <Failed error={failed} onRetry={again} />
      ) : search.isPending ? (
        <WallSkeleton />
      ) : nothing ? (
        <NothingFound params={params} onAdd={onAdd} />
      ) : (
        <>
          {unsure && <p className={styles.remark}>{t.wall.unsure}</p>}
          {unjudged && <p className={styles.remark}>{t.wall.unjudged}</p>}
          {front && <Latest count={hits.length} />}
          {first?.truncated && <p className={styles.remark}>{t.wall.truncated}</p>}
          <Wall
            ref={wall}
            hits={hits}
            params={params}
            certain={certain}
            stale={stale}
            busy={search.isRefetching}
            onEnd={idle && !ended ? more : undefined}
            open={search.hasNextPage && !ended}
          />
          {ended && !front && search.hasNextPage && !stale && (
            <p className={styles.further}>
              <button
                type="button"
                onClick={() => {
                  setFurther(params.search);
                  more();
                }}
              >
                {t.wall.further}
              </button>
            </p>
          )}
        </>
      )}
      <Suspense>{selecting && <SelectionBar query={params.query} />}</Suspense>
      {search.isFetchNextPageError && <Notice title={t.wall.rest} action={t.tryAgain} onAction={onward} />}
      <Suspense>
        {params.picture && (
          <Viewer
            id={params.picture}
            hits={hits}
            params={params}
            onNearEnd={idle && !ended ? more : undefined}
            onClosed={reveal}
          />
        )}
      </Suspense>
    </div>
  );
}

/** The line above the latest pictures on the front page. */
function Latest({ count }: { count: number }) {
  const { t, number } = useSpeech();
  const { data: facets } = useQuery(facetsQuery);
  if (count === 0) return null;
  return (
    <p className={styles.latest}>
      <span>{t.home.latest}</span>
      <Link to={hrefOf(EVERYTHING)}>{t.home.all(number(facets?.count ?? count))}</Link>
    </p>
  );
}

let told = false;

/** Whether a remark is due that is made once while the page is open: for the first search that it is true of. */
function useOnce(due: boolean): boolean {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (due && !told) {
      told = true;
      setShown(true);
    } else if (!due) setShown(false);
  }, [due]);
  return shown;
}

/** The results so far, without pictures that were deleted on this page. */
function useShown(pages: readonly { results: Hit[] }[] | undefined): Hit[] {
  const { removals } = useShared();
  const hidden = useSyncExternalStore(removals.subscribe, removals.all);
  return useMemo(() => {
    const all = pages?.flatMap((page) => page.results) ?? [];
    return hidden.size > 0 ? all.filter((hit) => !hidden.has(hit.id)) : all;
  }, [pages, hidden]);
}

/** Scrolls to a picture after the viewer was closed; waits until it has loaded, such as after a reload. */
function useReveal(wall: RefObject<WallHandle | null>, hits: readonly Hit[]): (id: string) => void {
  const [wanted, setWanted] = useState<string | null>(null);
  useEffect(() => {
    if (!wanted) return;
    const index = hits.findIndex((hit) => hit.id === wanted);
    if (index >= 0) {
      // Two frames later, after scroll restoration; if the picture is visible then, nothing scrolls.
      const frame = requestAnimationFrame(() =>
        requestAnimationFrame(() => {
          // Closing takes a moment; the focus stays where the user types by then.
          if (!(document.activeElement instanceof HTMLInputElement)) wall.current?.reveal(index);
          setWanted(null);
        }),
      );
      return () => cancelAnimationFrame(frame);
    }
    const timer = setTimeout(() => setWanted(null), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [wall, hits, wanted]);
  return setWanted;
}

/** While a part of the system does not answer: try the search again, quietly, and show it as soon as it is answered. */
function useComeBack(failed: Error | null, search: string, again: () => void) {
  const down = failed instanceof ApiError && (failed.status === 0 || failed.status >= 500);
  useEffect(() => {
    if (!down) return;
    const timer = setInterval(() => void trySearch(search).then(again, () => undefined), AGAIN_MS);
    return () => clearInterval(timer);
  }, [down, search, again]);
}

/** Whether something has been going on for a time. */
function useLong(waiting: boolean, ms: number): boolean {
  const [long, setLong] = useState(false);
  useEffect(() => {
    if (!waiting) return setLong(false);
    const timer = setTimeout(() => setLong(true), ms);
    return () => clearTimeout(timer);
  }, [waiting, ms]);
  return long;
}

/** When the number of pictures changes: invalidate cached searches, and search again if nothing was found. */
function useRefill(nothing: boolean, again: () => void) {
  const queries = useQueryClient();
  const { data: facets } = useQuery(facetsQuery);
  const count = facets?.count;
  const before = useRef(count);
  useEffect(() => {
    if (count !== before.current && before.current !== undefined) {
      void queries.invalidateQueries({ queryKey: ["search"], refetchType: "none" });
      if (nothing) again();
    }
    before.current = count;
  }, [nothing, count, again, queries]);
}

function NothingFound({ params, onAdd }: Omit<Props, "title">) {
  const t = useMessages();
  const { query } = params;
  const { data: facets } = useQuery(facetsQuery);
  if (facets?.count === 0) return <Empty onAdd={onAdd} />;
  if (query.rest.length > 0) {
    return (
      <Notice title={t.states.nothing}>
        {t.states.nothingFiltered} <Link to={hrefOf({ ...query, rest: [] })}>{t.filters.clear}</Link>
      </Notice>
    );
  }
  if (query.mode === "text") {
    return (
      <Notice title={t.states.nothing}>
        {t.states.nothingWords} <Link to={hrefOf({ ...query, mode: "auto" })}>{t.mode.vector}</Link>
      </Notice>
    );
  }
  return <Notice title={t.states.nothing}>{query.q ? t.states.nothingTry : t.states.nothingAlike}</Notice>;
}
