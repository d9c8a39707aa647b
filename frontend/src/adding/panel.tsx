import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { thumbnail } from "../api/queries";
import { usePageSpeech } from "../i18n/pages";
import { span } from "../i18n/span";
import { Link } from "../navigation";
import { alike, hrefOf, NOTHING } from "../search/query";
import { useShared } from "../shared";
import { CloseIcon, RetryIcon } from "../ui/icons";
import styles from "./panel.module.css";
import { type Item, isOpen } from "./queue";

// The most files that the list shows, failed and current ones first; of thousands of finished ones the count is enough.
const SHOWN = 60;

type Props = { items: readonly Item[]; onAdd: (files: readonly File[]) => void; onClose: () => void };

/** The upload queue: one line per file, with its state. */
export function Panel({ items, onAdd, onClose }: Props) {
  const { t } = usePageSpeech();
  const { queue } = useShared();
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const panel = useRef<HTMLElement>(null);
  const open = items.filter(isOpen).length;
  const again = items.filter((item) => item.state === "failed" && !item.hopeless).length;
  const done = t.adding.done(items);
  const left = queue.secondsLeft();
  const shown = [...items].sort((a, b) => rank(a) - rank(b)).slice(0, SHOWN);

  useEffect(() => {
    const before = document.activeElement;
    // React has no prop for this attribute.
    folder.current?.setAttribute("webkitdirectory", "");
    panel.current?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);

  const choose = (input: HTMLInputElement) => {
    onAdd([...(input.files ?? [])]);
    input.value = "";
  };

  return (
    <section
      ref={panel}
      tabIndex={-1}
      className={styles.panel}
      aria-label={t.adding.label}
      onKeyDown={(event) => event.key === "Escape" && onClose()}
    >
      <header>
        <h2>{t.adding.open}</h2>
        <button type="button" className={styles.close} aria-label={t.close} onClick={onClose}>
          <CloseIcon size={18} />
        </button>
      </header>
      <div className={styles.choose}>
        <button type="button" className="primary" onClick={() => files.current?.click()}>
          {t.adding.files}
        </button>
        <button type="button" onClick={() => folder.current?.click()}>
          {t.adding.folder}
        </button>
        <input
          ref={files}
          type="file"
          accept="image/*,.heic,.heif,.avif"
          multiple
          hidden
          onChange={(e) => choose(e.target)}
        />
        <input ref={folder} type="file" hidden onChange={(e) => choose(e.target)} />
      </div>
      {/* Live region: announced when all files are done, not for each file. */}
      <p className="unseen" role="status">
        {items.length > 0 && open === 0 && done}
      </p>
      {items.length === 0 && <p className={styles.hint}>{t.adding.dropHint}</p>}
      {items.length > 0 && (
        <>
          <p className={styles.sum}>
            {open > 0 ? t.adding.progress(items.length - open, items.length) : done}
            {open > 0 && left !== null && `, ${t.library.left(span(left, t))}`}
          </p>
          <Pause />
          <progress max={items.length} value={items.length - open} aria-label={t.adding.label} />
          <ul>
            {shown.map((item) => (
              <Line key={item.id} item={item} />
            ))}
            {items.length > SHOWN && <li className={styles.hint}>{t.adding.more(items.length - SHOWN)}</li>}
          </ul>
          <footer>
            {again > 0 && (
              <button type="button" onClick={queue.retryAll}>
                {t.adding.retryAll}
              </button>
            )}
            {open > 0 ? (
              <button type="button" onClick={queue.cancelAll}>
                {t.adding.cancelAll}
              </button>
            ) : (
              <button type="button" onClick={queue.clear}>
                {t.adding.clear}
              </button>
            )}
          </footer>
        </>
      )}
    </section>
  );
}

function Line({ item }: { item: Item }) {
  const { t, why } = usePageSpeech();
  const { queue } = useShared();
  const state = t.adding.states[item.state];
  return (
    <li>
      {item.picture && <img src={thumbnail({ id: item.picture }, 240)} alt="" width={28} height={28} />}
      <div>
        {item.picture ? (
          <Link to={hrefOf(alike(NOTHING, item.picture), item.picture)} aria-label={t.adding.show(item.name)}>
            {item.name}
          </Link>
        ) : (
          <span title={item.name}>{item.name}</span>
        )}
        <small data-failed={item.state === "failed" || undefined}>
          {item.state === "sending" && item.sent > 0 ? `${state}, ${Math.round(100 * item.sent)} %` : state}
          {item.state === "failed" && `: ${why(item.error)}`}
        </small>
      </div>
      {((item.state === "failed" && !item.hopeless) || item.state === "cancelled") && (
        <button type="button" aria-label={t.adding.retry(item.name)} onClick={() => queue.retry(item.id)}>
          <RetryIcon size={16} />
        </button>
      )}
      {(item.state === "waiting" || item.state === "sending") && (
        <button type="button" aria-label={t.adding.cancel(item.name)} onClick={() => queue.cancel(item.id)}>
          <CloseIcon size={16} />
        </button>
      )}
    </li>
  );
}

/** The rate limit or a busy system pauses the queue: shows how long. */
function Pause() {
  const { t } = usePageSpeech();
  const { queue } = useShared();
  const until = useSyncExternalStore(queue.subscribe, queue.pausedUntil);
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (until === null) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [until]);
  if (until === null) return null;
  return <p className={styles.hint}>{t.refused.busyWait(Math.max(0, Math.ceil((until - now) / 1000)))}</p>;
}

/** Sort key: failed files first, then those in progress, then waiting ones, then the rest. */
function rank(item: Item): number {
  return { failed: 0, working: 1, sending: 1, waiting: 2, added: 3, exists: 3, cancelled: 3, skipped: 3 }[
    item.state
  ];
}
