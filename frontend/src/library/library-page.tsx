import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { ApiError, errorOf } from "../api/client";
import { cancelJob, jobsQuery, libraryQuery, startScan } from "../api/queries";
import type { FolderAnswer, JobAnswer, ScanProgress } from "../api/schema";
import { usePageSpeech } from "../i18n/pages";
import { span } from "../i18n/span";
import { Link } from "../navigation";
import { Failed } from "../search/failed";
import page from "../ui/page.module.css";
import { Section } from "../ui/section";
import styles from "./library-page.module.css";
import { activeScan, byFault, lastFull, progressOf, secondsLeft } from "./scans";

/** The library page: the watched folders, the scan that runs, what the last one found, and what it could not read. */
export function LibraryPage() {
  const { t } = usePageSpeech();
  const library = useQuery(libraryQuery);
  const jobs = useQuery(jobsQuery);
  const error = library.error ?? jobs.error;
  useEffect(() => {
    document.title = t.title(t.library.title);
  }, [t]);
  return (
    <main className={page.page}>
      <h1>{t.library.title}</h1>
      <Link to="/">{t.status.back}</Link>
      {error ? (
        <Failed
          error={error}
          onRetry={() => {
            void library.refetch();
            void jobs.refetch();
          }}
        />
      ) : (
        library.data &&
        jobs.data && <Parts folders={library.data.folders} jobs={jobs.data.jobs} now={jobs.dataUpdatedAt} />
      )}
    </main>
  );
}

type PartsProps = { folders: readonly FolderAnswer[]; jobs: readonly JobAnswer[]; now: number };

function Parts({ folders, jobs, now }: PartsProps) {
  const { t } = usePageSpeech();
  if (folders.length === 0) {
    return (
      <section>
        <p>{t.library.none}</p>
        <p className={styles.how}>
          <code>make up PHOTOS=~/Pictures</code>
        </p>
      </section>
    );
  }
  const active = activeScan(jobs);
  const last = lastFull(jobs);
  const found = last && progressOf(last);
  return (
    <>
      <Section title={t.library.folders}>
        <Folders folders={folders} />
      </Section>
      <Section title={t.library.scan}>
        {active ? <Active job={active} now={now} /> : <Last job={last} />}
        <p className={page.note}>{t.library.watched}</p>
      </Section>
      {found && found.failed > 0 && (
        <Section title={t.library.unread}>
          <Unread progress={found} />
        </Section>
      )}
      {found && Object.keys(found.left_out).length > 0 && (
        <Section title={t.library.leftOut}>
          <LeftOut counts={found.left_out} />
        </Section>
      )}
    </>
  );
}

function Folders({ folders }: { folders: readonly FolderAnswer[] }) {
  const { t } = usePageSpeech();
  return (
    <ul className={styles.folders}>
      {folders.map((folder) => (
        <li key={folder.path}>
          <span>
            <b>{folder.name}</b> <span>{folder.path}</span>
          </span>
          <span>{t.library.files(folder.files)}</span>
          {!folder.available && <strong>{t.library.away}</strong>}
        </li>
      ))}
    </ul>
  );
}

/** A scan that runs or waits, with its progress, and a button to stop it. */
function Active({ job, now }: { job: JobAnswer; now: number }) {
  const { t, number } = usePageSpeech();
  const stop = useAct(() => cancelJob(job.id));
  const progress = progressOf(job);
  const left = secondsLeft(job, now);
  return (
    <div className={styles.running}>
      {job.status === "queued" ? (
        <p>{t.library.waiting}</p>
      ) : (
        <>
          <p id="running">{t.library.running}</p>
          <progress aria-labelledby="running" value={progress?.done ?? 0} max={progress?.total || 1} />
          {progress && (
            <p className={page.note}>
              {t.library.progress(number(progress.done), number(progress.total))}
              {left !== null && `, ${t.library.left(span(left, t))}`}
            </p>
          )}
        </>
      )}
      <div className={styles.actions}>
        <button type="button" className={styles.stop} disabled={stop.isPending} onClick={stop.act}>
          {t.library.stop}
        </button>
        {stop.failed}
      </div>
    </div>
  );
}

/** What the last scan of everything found, and a button to start one. */
function Last({ job }: { job: JobAnswer | undefined }) {
  const { t, language, number, why } = usePageSpeech();
  const start = useAct(startScan);
  const progress = job && progressOf(job);
  const counts = ["added", "unchanged", "exists", "back", "deleted", "gone", "forgotten", "failed"] as const;
  return (
    <>
      {job?.ended_at ? (
        <p>
          {t.library.last(
            new Date(job.ended_at).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" }),
          )}
        </p>
      ) : (
        <p>{t.library.never}</p>
      )}
      {progress && (
        <ul>
          {counts
            .filter((name) => progress[name] > 0)
            .map((name) => (
              <li key={name}>
                {number(progress[name])} {t.library.counts[name]}
              </li>
            ))}
        </ul>
      )}
      {job?.status === "cancelled" && <p>{t.library.cancelled}</p>}
      {job?.problem && (
        <p>
          <strong>{t.library.failed(why(errorOf(500, job.problem, null)))}</strong>
        </p>
      )}
      <div className={styles.actions}>
        <button type="button" className="primary" disabled={start.isPending} onClick={start.act}>
          {t.library.start}
        </button>
        {start.failed}
      </div>
    </>
  );
}

function Unread({ progress }: { progress: ScanProgress }) {
  const { t, why } = usePageSpeech();
  const more = progress.failed - progress.failures.length;
  return (
    <>
      {byFault(progress.failures).map(([kind, files]) => (
        <details key={kind} className={styles.reason}>
          <summary>{t.library.because(files.length, why(new ApiError(200, kind, { kind })))}</summary>
          <ul className={styles.files}>
            {files.map((file) => (
              <li key={file}>{file}</li>
            ))}
          </ul>
        </details>
      ))}
      {more > 0 && <p className={page.note}>{t.library.more(more)}</p>}
    </>
  );
}

function LeftOut({ counts }: { counts: Record<string, number> }) {
  const { t, number } = usePageSpeech();
  return (
    <ul>
      {Object.entries(counts).map(([kind, count]) => (
        <li key={kind}>
          {t.library.kinds[kind] ?? kind}: {number(count)}
        </li>
      ))}
    </ul>
  );
}

/** An action on the jobs: they are fetched again after it, and a failure is shown. */
function useAct(run: () => Promise<void>): { act: () => void; isPending: boolean; failed: ReactNode } {
  const { t, why } = usePageSpeech();
  const queries = useQueryClient();
  const { mutate, isPending, error } = useMutation({
    mutationFn: run,
    onSettled: () => queries.invalidateQueries({ queryKey: ["jobs"] }),
  });
  return {
    act: () => mutate(),
    isPending,
    failed: error && <span role="alert">{t.library.notDone(why(error))}</span>,
  };
}
