import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { AddPictures } from "../adding/add-pictures";
import { useDrop } from "../adding/drop";
import { isOpen, isPicture } from "../adding/queue";
import { useEndOfAdding } from "../adding/use-end";
import { facetsQuery, mayWrite, pictureOf, sessionQuery, termsOfFiles } from "../api/queries";
import { useMessages, useSpeech } from "../i18n/language";
import { Link, navigate } from "../navigation";
import { useShared } from "../shared";
import { HelpIcon, UploadIcon } from "../ui/icons";
import { singleKeys } from "../ui/single-keys";
import { nameOf } from "../wall/name";
import { Toolbar } from "./filters";
import { Examples, Footer } from "./home";
import { fitting, hrefOf, lists, type Query, readTerm } from "./query";
import { keepQueryThumbnail } from "./query-thumbnails";
import { Results } from "./results";
import { SearchField } from "./search-field";
import styles from "./search-page.module.css";
import { useSearchParams } from "./search-params";

const Help = lazy(() => import("../ui/help").then((module) => ({ default: module.Help })));

/** The search page: the field, and the results below it. */
export function SearchPage() {
  const t = useMessages();
  const params = useSearchParams();
  const { data: session } = useQuery(sessionQuery);
  const { data: facets } = useQuery(facetsQuery);
  const writes = mayWrite(session);
  const [help, setHelp] = useHelp();
  const [adding, setAdding] = useState(false);
  const { reading, searchBy } = useSearchByFiles(params.query);
  const { queue, toasts } = useShared();
  const add = (files: readonly File[]) => {
    const count = queue.add(files);
    if (count === 0) return toasts.say(t.adding.noPictures);
    // The viewer covers the queue's panel, so show a toast.
    if (params.picture) toasts.say(t.adding.started(count));
    setAdding(true);
  };
  const queries = useQueryClient();
  // A drop in the first moments waits for the session. Without an answer the queue tries, and shows the error.
  const mayAdd = () => queries.ensureQueryData(sessionQuery).then(mayWrite, () => true);
  const over = useDrop({ onSearch: searchBy, onAdd: add, mayAdd });
  const items = useSyncExternalStore(queue.subscribe, queue.all);
  const left = items.filter(isOpen).length;
  const title = useTitle(params.query, left);
  const failed = useEndOfAdding(items, adding);
  const addName = left > 0 ? t.adding.left(left) : failed > 0 ? t.adding.failed(failed) : t.adding.open;

  return (
    <>
      <a className="skip" href="#pictures">
        {t.skip}
      </a>
      <header className={styles.header} data-home={!params.searching || undefined}>
        <div className={styles.intro}>
          <h1>
            <Link className={styles.name} to="/">
              {t.name}
            </Link>
          </h1>
          {!params.searching && <p>{t.tagline}</p>}
        </div>
        <SearchField params={params} onFiles={searchBy} reading={reading} />
        {params.searching && (
          <div className={styles.tools}>
            {writes && (
              <button type="button" aria-label={addName} onClick={() => setAdding(!adding)}>
                <UploadIcon size={18} /> <span>{addName}</span>
              </button>
            )}
            <button type="button" aria-label={t.home.help} title={t.home.help} onClick={() => setHelp(true)}>
              <HelpIcon size={20} />
            </button>
          </div>
        )}
        {!params.searching && <Examples facets={facets} />}
      </header>
      {params.searching && <Toolbar params={params} title={title} />}
      <main id="pictures">
        <Results params={params} title={title} onAdd={writes ? () => setAdding(true) : undefined} />
      </main>
      {!params.searching && (
        <Footer
          onHelp={() => setHelp(true)}
          addName={addName}
          onAdd={writes ? () => setAdding(true) : undefined}
        />
      )}
      {over && <Places over={writes ? over : "field"} both={writes} />}
      <AddPictures open={adding} onAdd={add} onClose={() => setAdding(false)} />
      <Suspense>{help && <Help onClose={() => setHelp(false)} />}</Suspense>
    </>
  );
}

/** Where dragged files can be dropped: on the field to search by them, anywhere else to add them. */
function Places({ over, both }: { over: "field" | "page"; both: boolean }) {
  const t = useMessages();
  const field = document.querySelector("search")?.getBoundingClientRect();
  return (
    <div className={styles.over} data-active={over === "page" || undefined} aria-hidden="true">
      {both && <p>{t.adding.drop}</p>}
      {field && (
        <p
          className={styles.onField}
          data-active={over === "field" || undefined}
          style={{ top: field.top - 8, left: field.left - 8, width: field.width, height: field.height }}
        >
          {t.field.pictureDrop}
        </p>
      )}
    </div>
  );
}

/** Search by the user's own pictures: they are uploaded once, and the URL holds the returned tokens. */
function useSearchByFiles(query: Query) {
  const speech = useSpeech();
  const { t } = speech;
  const { toasts } = useShared();
  const [reading, setReading] = useState(false);
  // The query may change during the upload; the picture is added to the latest query.
  const latest = useRef(query);
  useEffect(() => {
    latest.current = query;
  }, [query]);
  const searchBy = async (given: readonly File[]) => {
    const files = given.filter(isPicture);
    if (files.length === 0) {
      if (given.length > 0) toasts.say(t.adding.noPictures);
      return;
    }
    setReading(true);
    try {
      const written = await termsOfFiles(files);
      await Promise.all(
        written.map(async (term, i) => {
          const [file, token] = [files[i], readTerm(term)?.value];
          if (file && token) await keepQueryThumbnail(token, file);
        }),
      );
      const terms = written.flatMap((term) => readTerm(term) ?? []);
      const now = latest.current;
      navigate(hrefOf(fitting({ ...now, terms: [...now.terms, ...terms] })));
    } catch (error) {
      const { whyIn } = await import("../i18n/pages");
      toasts.say(t.field.pictureFailed(whyIn(speech, error)));
    } finally {
      setReading(false);
    }
  };
  return { reading, searchBy: (files: readonly File[]) => void searchBy(files) };
}

/**
 * Sets the document's title to the query, for tabs and bookmarks; while pictures are added it begins with how many are
 * left. Returns the query's title.
 */
function useTitle(query: Query, left: number): string {
  const t = useMessages();
  const liked = query.q ? undefined : query.terms.find((term) => term.kind === "like" && term.weight > 0);
  const like = useQuery({ ...pictureOf(liked?.value ?? ""), enabled: liked !== undefined });
  const parts = query.terms.map((term) => {
    const name =
      term.kind === "text"
        ? term.value
        : term === liked && like.data
          ? nameOf(like.data, t)
          : t.term[term.kind];
    return `${t.term.weight(term.weight)} ${name}`.trim();
  });
  const filters = query.rest.map(([, value]) => value);
  const asked = [query.q, ...parts].filter(Boolean);
  const title = (
    asked.length > 0 ? asked : lists(query) && filters.length === 0 ? [t.browse.all] : filters
  ).join(", ");
  useEffect(() => {
    const own = title ? t.title(title) : t.name;
    document.title = left > 0 ? `${t.adding.left(left)} · ${own}` : own;
  }, [title, left, t]);
  return title;
}

/** "?" opens the help, unless the user is typing. */
function useHelp() {
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const show = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
      if (event.key === "?" && !typing && singleKeys()) setOpen(true);
    };
    document.addEventListener("keydown", show);
    return () => document.removeEventListener("keydown", show);
  }, []);
  return [open, setOpen] as const;
}
