import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useLayoutEffect, useMemo } from "react";
import { Link, useNavigationType } from "react-router";
import { ApiError, pagesOf, pictureOf, type Query, type Stats, statsQuery } from "../api";
import { KeyForm } from "../ui/key-form";
import { Notice } from "../ui/notice";
import { Viewer } from "../viewer/viewer";
import { SearchField } from "./search-field";
import styles from "./search-page.module.css";
import { hrefOfText, usePlace } from "./url";
import { Wall, WallSkeleton } from "./wall";

/** The page: one field, and below it what the words in it find. */
export function SearchPage() {
  const place = usePlace();
  const stats = useQuery(statsQuery);
  const title = useTitle(place.query);
  return (
    <>
      <header className={styles.header} data-home={!place.query || undefined}>
        <div className={styles.intro}>
          <h1>
            <Link className={styles.name} to="/">
              Sightline
            </Link>
          </h1>
          {!place.query && <p>Type a sentence, find the picture.</p>}
        </div>
        <SearchField query={place.query} viewing={place.picture !== null} />
        {!place.query && <Examples stats={stats.data} />}
      </header>
      <main>
        {place.query ? (
          <Results key={place.query.kind} query={place.query} title={title} />
        ) : (
          <Home stats={stats.data} error={stats.error} onRetry={() => void stats.refetch()} />
        )}
      </main>
    </>
  );
}

/** The document's title says what is searched for, so that a tab and a bookmark do too. */
function useTitle(query: Query | null): string {
  const like = useQuery({
    ...pictureOf(query?.kind === "like" ? query.id : ""),
    enabled: query?.kind === "like",
  });
  const title =
    query?.kind === "text"
      ? query.text
      : query?.kind === "like"
        ? `Like ${like.data?.caption || like.data?.file_name || "this picture"}`
        : "";
  useEffect(() => {
    document.title = title ? `${title} · Sightline` : "Sightline";
  }, [title]);
  return title;
}

/** Before the first search: what went wrong, or that there is nothing to search in yet. */
function Home({
  stats,
  error,
  onRetry,
}: {
  stats: Stats | undefined;
  error: Error | null;
  onRetry: () => void;
}) {
  if (error) return <Failed error={error} onRetry={onRetry} />;
  if (stats?.count === 0) return <Empty />;
  return null;
}

const FALLBACK = ["a dog on the beach", "people around a table", "a red car", "flowers"];

/** Sentences to start with, out of the collection's own captions where it has any. */
function Examples({ stats }: { stats: Stats | undefined }) {
  if (!stats || stats.count === 0) return <div className={styles.examples} />;
  const own = stats.captions.map(asQuery).filter((text) => text.length <= 26);
  const examples = own.length >= 4 ? own.slice(0, 4) : FALLBACK;
  return (
    <div className={styles.examples}>
      <span>
        {stats.count.toLocaleString("en")} {stats.count === 1 ? "picture" : "pictures"}. Try
      </span>
      <ul>
        {examples.map((text) => (
          <li key={text}>
            <Link to={hrefOfText(text)}>{text}</Link>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** A caption as somebody would type it: no capital, no full stop. */
function asQuery(caption: string): string {
  const words = caption.replace(/[.!\s]+$/, "");
  return words.charAt(0).toLowerCase() + words.slice(1);
}

function Results({ query, title }: { query: Query; title: string }) {
  const place = usePlace();
  const search = useInfiniteQuery({ ...pagesOf(query), placeholderData: keepPreviousData });
  const { fetchNextPage, refetch } = search;
  const hits = useMemo(() => search.data?.pages.flatMap((page) => page.results) ?? [], [search.data]);
  const stale = search.isPlaceholderData;
  const more = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  const idle = search.hasNextPage && !search.isFetchingNextPage && !stale && !search.isFetchNextPageError;
  const failed = search.error && !search.isFetchNextPageError ? search.error : null;
  const nothing = search.isSuccess && !stale && hits.length === 0;
  const unsure = search.data?.pages[0]?.confident === false;
  const { data: stats } = useQuery({ ...statsQuery, enabled: nothing });
  useTopOfNewWall(query);

  // What was empty has been filled: the search that found nothing is worth another try.
  const filled = nothing && (stats?.count ?? 0) > 0 && query.kind === "text";
  useEffect(() => {
    if (filled) void refetch();
  }, [filled, refetch]);

  return (
    <div className={styles.results}>
      <h2 className="unseen">{`Pictures for ${title}`}</h2>
      {/* One element for as long as the page lives: what is put into it later is read out. */}
      <p className="unseen" role="status">
        {failed
          ? ""
          : search.isPending || stale
            ? "Searching"
            : nothing
              ? "Nothing was found"
              : unsure
                ? `Nothing clearly matches; showing the ${hits.length} closest pictures`
                : `Showing the ${hits.length} best matches`}
      </p>
      {failed ? (
        <Failed error={failed} onRetry={() => void refetch()} />
      ) : search.isPending ? (
        <WallSkeleton />
      ) : nothing ? (
        <NothingFound query={query} stats={stats} />
      ) : (
        <>
          {unsure && <p className={styles.unsure}>Nothing here clearly matches. These come closest.</p>}
          <Wall hits={hits} place={place} stale={stale} onEnd={idle ? more : undefined} />
        </>
      )}
      {search.isFetchNextPageError && (
        <Notice title="The rest of the wall did not come." action="Try again" onAction={more} />
      )}
      {place.picture && (
        <Viewer id={place.picture} hits={hits} place={place} onNearEnd={idle ? more : undefined} />
      )}
    </div>
  );
}

/** A new search begins at its best match; going back returns to where the reader was. */
function useTopOfNewWall(query: Query) {
  const type = useNavigationType();
  const key = query.kind === "text" ? query.text : query.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new search scrolls, not the way in which it came
  useLayoutEffect(() => {
    if (type !== "POP") window.scrollTo(0, 0);
  }, [key]);
}

function NothingFound({ query, stats }: { query: Query; stats: Stats | undefined }) {
  if (stats?.count === 0) return <Empty />;
  if (query.kind === "like") {
    return (
      <Notice title="Nothing else is here to compare with.">
        This is the only picture in the collection.
      </Notice>
    );
  }
  return (
    <Notice title={`Nothing was found for “${query.text}”.`}>
      Try other words: say what can be seen, as you would tell a friend on the phone.
    </Notice>
  );
}

function Empty() {
  return (
    <Notice title="There are no pictures here yet.">
      <p>
        Add a folder from a terminal: <code>sightline add ~/Pictures</code>
      </p>
      <p>They can be found as soon as they are in; this page notices by itself.</p>
    </Notice>
  );
}

function Failed({ error, onRetry }: { error: Error; onRetry: () => void }) {
  const known = error instanceof ApiError ? error : null;
  if (known?.status === 404) {
    return (
      <Notice title="That picture is no longer here.">
        It may have been deleted. Search for something else.
      </Notice>
    );
  }
  if (known?.status === 401) return <KeyForm />;
  if (known?.status === 403) {
    return <Notice title="Your key does not allow this.">{known.message}</Notice>;
  }
  if (known?.status === 429) {
    return (
      <Notice title="Too much at once." alert action="Try again" onAction={onRetry}>
        {known.message}
      </Notice>
    );
  }
  if (known && known.status >= 400 && known.status < 500) {
    return (
      <Notice alert title="That search was not understood.">
        {known.message}
      </Notice>
    );
  }
  return (
    <Notice title="Sightline could not answer." alert action="Try again" onAction={onRetry}>
      <p>
        {known?.status
          ? `It is running, but a part of it is not: ${known.message}.`
          : "No answer came. It may be stopped, or this device may be offline."}
      </p>
      <p>Your pictures are safe. {known?.requestId && `The log has this under ${known.requestId}.`}</p>
    </Notice>
  );
}
