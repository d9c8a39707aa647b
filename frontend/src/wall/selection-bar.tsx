import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useRef, useState, useSyncExternalStore } from "react";
import { mayWrite, sessionQuery, tagPictures } from "../api/queries";
import { urlOf } from "../base";
import { usePageSpeech } from "../i18n/pages";
import { Link } from "../navigation";
import { AWAY, hrefOf, NOTHING, type Query, withTerm } from "../search/query";
import { useShared } from "../shared";
import { AlikeIcon, AwayIcon, CloseIcon, DeleteIcon, DownloadIcon, TagIcon } from "../ui/icons";
import { useDelete } from "../viewer/use-delete";
import styles from "./selection-bar.module.css";

// The API's limits: terms of a search, and files of an archive.
const MOST_TERMS = 16;
const MOST_FILES = 1000;

/** What can be done with the selected pictures: a bar at the bottom of the window. */
export function SelectionBar({ query }: { query: Query }) {
  const { t } = usePageSpeech();
  const { selection, toasts } = useShared();
  const chosen = useSyncExternalStore(selection.subscribe, selection.all);
  const { data: session } = useQuery(sessionQuery);
  const remove = useDelete();
  const [tagging, setTagging] = useState(false);
  if (chosen.size === 0) return null;
  const ids = [...chosen.keys()];
  const add = (from: Query, weight: number) =>
    ids.reduce((next, value) => withTerm(next, { kind: "like", value, weight }), from);
  const away = add(query, AWAY);
  return (
    <section className={styles.bar} data-selecting aria-label={t.selection.label}>
      <p role="status">{t.selection.count(ids.length)}</p>
      <div className={styles.actions}>
        <Download ids={ids} onRefused={() => toasts.say(t.selection.tooMany(MOST_FILES))} />
        {mayWrite(session) && (
          <>
            <button type="button" aria-expanded={tagging} onClick={() => setTagging(!tagging)}>
              <TagIcon size={18} /> <span>{t.selection.tag}</span>
            </button>
            <button
              type="button"
              onClick={() => {
                remove([...chosen.values()]);
                selection.clear();
              }}
            >
              <DeleteIcon size={18} /> <span>{t.viewer.delete}</span>
            </button>
          </>
        )}
        {ids.length <= MOST_TERMS && (
          <Link to={hrefOf(add({ ...NOTHING, rest: query.rest }, 1))}>
            <AlikeIcon size={18} /> <span>{t.selection.alike}</span>
          </Link>
        )}
        {away.terms.length < MOST_TERMS && (
          <Link to={hrefOf(away)}>
            <AwayIcon size={18} /> <span>{t.selection.away}</span>
          </Link>
        )}
        <button type="button" onClick={selection.clear}>
          <CloseIcon size={18} /> <span>{t.selection.clear}</span>
        </button>
      </div>
      {tagging && <Tagging ids={ids} onDone={() => setTagging(false)} />}
    </section>
  );
}

/** A form that the browser itself sends, so that the archive is saved while it arrives, whatever its size. */
function Download({ ids, onRefused }: { ids: readonly string[]; onRefused: () => void }) {
  const { t } = usePageSpeech();
  const { toasts } = useShared();
  const frame = useId();
  const sent = useRef(false);
  return (
    <>
      <form
        method="post"
        encType="multipart/form-data"
        action={urlOf("/api/v1/selection/archive")}
        target={frame}
        onSubmit={(event) => {
          if (ids.length <= MOST_FILES) {
            sent.current = true;
            return toasts.say(t.selection.downloading(ids.length));
          }
          event.preventDefault();
          onRefused();
        }}
      >
        <input type="hidden" name="ids" value={ids.join(",")} />
        <button type="submit">
          <DownloadIcon size={18} /> <span>{t.viewer.download}</span>
        </button>
      </form>
      {/* A download leaves the frame as it is; an error is loaded into it. */}
      <iframe
        name={frame}
        title={t.viewer.download}
        hidden
        onLoad={() => sent.current && toasts.say(t.selection.notDownloaded)}
      />
    </>
  );
}

function Tagging({ ids, onDone }: { ids: readonly string[]; onDone: () => void }) {
  const { t, why } = usePageSpeech();
  const queries = useQueryClient();
  const { toasts } = useShared();
  const [written, setWritten] = useState("");
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const tags = [...new Set(written.split(",").map((tag) => tag.trim()))].filter(Boolean);
    if (tags.length === 0) return;
    setBusy(true);
    try {
      const failed = await tagPictures(queries, ids, { add_tags: tags });
      const undo = () =>
        tagPictures(queries, ids, { remove_tags: tags }).then(
          () => toasts.say(t.viewer.restored),
          (error) => toasts.say(t.viewer.notSaved(why(error))),
        );
      toasts.say(failed === 0 ? t.selection.tagged(ids.length) : t.selection.notTagged(failed), {
        name: t.undo,
        run: () => void undo(),
      });
      onDone();
    } catch (error) {
      toasts.say(t.viewer.notSaved(why(error)));
      setBusy(false);
    }
  };

  return (
    <form
      className={styles.tagging}
      onSubmit={(event) => void submit(event)}
      onKeyDown={(event) => event.key === "Escape" && onDone()}
    >
      <input
        // biome-ignore lint/a11y/noAutofocus: the form appears at the user's request
        autoFocus
        aria-label={t.selection.tags}
        placeholder={t.selection.tags}
        value={written}
        onChange={(event) => setWritten(event.target.value)}
      />
      <button type="submit" className="primary" disabled={busy}>
        {t.selection.addTags}
      </button>
    </form>
  );
}
