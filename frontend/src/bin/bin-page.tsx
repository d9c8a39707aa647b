import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { binQuery, emptyBin, forgetPicture, thumbnail } from "../api/queries";
import type { BinnedPicture } from "../api/schema";
import { usePageSpeech } from "../i18n/pages";
import { Link } from "../navigation";
import { Failed } from "../search/failed";
import { useShared } from "../shared";
import { Confirm } from "../ui/confirm";
import page from "../ui/page.module.css";
import { nameOf } from "../wall/name";
import styles from "./bin-page.module.css";

/** The bin: what was deleted, to be restored, or deleted for good. */
export function BinPage() {
  const { t, number, why } = usePageSpeech();
  const found = useInfiniteQuery(binQuery);
  const queries = useQueryClient();
  const { toasts } = useShared();
  const [asking, setAsking] = useState(false);
  useEffect(() => {
    document.title = t.title(t.bin.title);
  }, [t]);
  const first = found.data?.pages[0];
  const pictures = found.data?.pages.flatMap((one) => one.pictures) ?? [];
  const empty = async () => {
    setAsking(false);
    try {
      await emptyBin();
      toasts.say(t.bin.emptied);
    } catch (error) {
      toasts.say(t.bin.notDone(why(error)));
    }
    void queries.invalidateQueries({ queryKey: ["bin"] });
  };
  return (
    <main className={`${page.page} ${styles.bin}`}>
      <h1>{t.bin.title}</h1>
      <Link to="/">{t.status.back}</Link>
      {found.error && !found.data ? (
        <Failed error={found.error} onRetry={() => void found.refetch()} />
      ) : (
        first && (
          <section>
            <div className={styles.head}>
              <p className={page.note}>
                {first.count === 0
                  ? t.bin.nothing(first.keep_days)
                  : t.bin.kept(first.count, first.keep_days)}
              </p>
              {first.count > 0 && (
                <button type="button" onClick={() => setAsking(true)}>
                  {t.bin.empty}
                </button>
              )}
            </div>
            <ul className={styles.pictures}>
              {pictures.map((picture) => (
                <Entry key={picture.id} picture={picture} />
              ))}
            </ul>
            {found.hasNextPage && (
              <button type="button" className={styles.more} onClick={() => void found.fetchNextPage()}>
                {t.bin.more(number(first.count - pictures.length))}
              </button>
            )}
          </section>
        )
      )}
      {asking && first && (
        <Confirm
          title={t.bin.emptyTitle(first.count)}
          text={t.bin.emptyText}
          action={t.bin.emptyAction}
          onConfirm={() => void empty()}
          onCancel={() => setAsking(false)}
        />
      )}
    </main>
  );
}

function Entry({ picture }: { picture: BinnedPicture }) {
  const { t, date, why } = usePageSpeech();
  const queries = useQueryClient();
  const { toasts, removals } = useShared();
  const [busy, setBusy] = useState(false);
  const name = nameOf(picture, t);
  const run = async (step: () => Promise<void>, said: string) => {
    setBusy(true);
    try {
      await step();
      toasts.say(said);
    } catch (error) {
      toasts.say(t.bin.notDone(why(error)));
      setBusy(false);
    }
    for (const queryKey of [["bin"], ["facets"]]) void queries.invalidateQueries({ queryKey });
    // A search that is shown again may hold it now.
    void queries.invalidateQueries({ queryKey: ["search"], refetchType: "none" });
  };
  return (
    <li>
      <img src={thumbnail(picture, 240)} alt={name} loading="lazy" />
      <p title={name}>{name}</p>
      <small>{t.bin.until(date(picture.forgotten_at))}</small>
      <div>
        <button
          type="button"
          disabled={busy}
          aria-label={t.wall.of(t.bin.restore, name)}
          onClick={() => void run(() => removals.restore([picture.id]), t.bin.restored(1))}
        >
          {t.bin.restore}
        </button>
        <button
          type="button"
          disabled={busy}
          aria-label={t.wall.of(t.bin.forget, name)}
          onClick={() => void run(() => forgetPicture(picture.id), t.bin.forgotten)}
        >
          {t.bin.forget}
        </button>
      </div>
    </li>
  );
}
