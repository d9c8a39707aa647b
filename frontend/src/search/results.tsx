import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
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
import { facetsQuery, pagesOf } from "../api/queries";
import type { Hit } from "../api/schema";
import { useMessages } from "../i18n/language";
import { Link } from "../navigation";
import { useShared } from "../shared";
import { Notice } from "../ui/notice";
import { countCertain } from "../wall/certainty";
import { useScrollRestoration } from "../wall/scroll-restoration";
import { Wall, type WallHandle, WallSkeleton } from "../wall/wall";
import { Failed } from "./failed";
import { Empty } from "./home";
import { hrefOf } from "./query";
import styles from "./search-page.module.css";
import type { SearchParams } from "./search-params";

const Viewer = lazy(() => import("../viewer/viewer").then((module) => ({ default: module.Viewer })));

// After this time without an answer, the page shows a message that it is still waiting.
const SLOW_MS = 4000;

// A picture that has not loaded within this time is not scrolled to: the user has moved on.
const PATIENCE_MS = 3000;

type Props = { params: SearchParams; title: string; onAdd: (() => void) | undefined };

/** The results of a search. The previous wall stays, dimmed, until the new results have loaded. */
export function Results({ params, title, onAdd }: Props) {
  const t = useMessages();
  const search = useInfiniteQuery({ ...pagesOf(params.search), placeholderData: keepPreviousData });
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
  const nothing = search.isSuccess && !stale && hits.length === 0;
  const first = search.data?.pages[0];
  // The count of the first page only: a screen reader announces it once, not with each further page.
  const shown = first?.results.length ?? 0;
  const unsure = first?.confident === false;
  const certain = unsure ? 0 : countCertain(hits);
  const wall = useRef<WallHandle>(null);
  useScrollRestoration(
    wall,
    params.search,
    hits.length,
    search.isSuccess && !stale,
    !search.hasNextPage,
    idle ? more : undefined,
  );
  const reveal = useReveal(wall, hits);
  const slow = useSlow(search.isFetching && (search.isPending || stale));
  useRefill(nothing, again);

  const status = failed
    ? ""
    : search.isPending || stale
      ? t.wall.searching
      : nothing
        ? t.wall.none
        : unsure
          ? t.wall.showingUnsure(shown)
          : t.wall.showing(shown);

  return (
    <div className={styles.results}>
      <h2 className="unseen">{t.wall.heading(title)}</h2>
      {/* Live region: it must stay mounted, so that screen readers announce changes. */}
      <p className="unseen" role="status">
        {status}
      </p>
      {slow && <p className={styles.slow}>{t.wall.slow}</p>}
      {failed ? (
        <Failed error={failed} onRetry={again} />
      ) : search.isPending ? (
        <WallSkeleton />
      ) : nothing ? (
        <NothingFound params={params} onAdd={onAdd} />
      ) : (
        <>
          {unsure && <p className={styles.remark}>{t.wall.unsure}</p>}
          {first?.truncated && <p className={styles.remark}>{t.wall.truncated}</p>}
          <Wall
            ref={wall}
            hits={hits}
            params={params}
            certain={certain}
            stale={stale}
            onEnd={idle ? more : undefined}
            open={search.hasNextPage}
          />
        </>
      )}
      {search.isFetchNextPageError && <Notice title={t.wall.rest} action={t.tryAgain} onAction={onward} />}
      <Suspense>
        {params.picture && (
          <Viewer
            id={params.picture}
            hits={hits}
            params={params}
            onNearEnd={idle ? more : undefined}
            onClosed={reveal}
          />
        )}
      </Suspense>
    </div>
  );
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
          wall.current?.reveal(index);
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

function useSlow(waiting: boolean): boolean {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    if (!waiting) return setSlow(false);
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, [waiting]);
  return slow;
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
        {t.states.nothingWords} <Link to={hrefOf({ ...query, mode: "vector" })}>{t.mode.vector}</Link>
      </Notice>
    );
  }
  return <Notice title={t.states.nothing}>{query.q ? t.states.nothingTry : t.states.nothingAlike}</Notice>;
}
