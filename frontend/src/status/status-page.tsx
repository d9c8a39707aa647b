import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { statsQuery } from "../api/queries";
import type { CacheCounts, Model, StageSpread, Stats } from "../api/schema";
import { usePageSpeech } from "../i18n/pages";
import { span } from "../i18n/span";
import { Link } from "../navigation";
import { Failed } from "../search/failed";
import page from "../ui/page.module.css";
import { Section } from "../ui/section";
import { Access } from "./access";
import { Bars, Share, Spark } from "./plots";
import { added, type Moment, rates } from "./rates";
import styles from "./status-page.module.css";

/** The status page: facts about the collection, the model's measured figures, and latencies. */
export function StatusPage() {
  const { t } = usePageSpeech();
  const { data: stats, error, refetch, dataUpdatedAt } = useQuery(statsQuery);
  const [moments, setMoments] = useState<readonly Moment[]>([]);
  useEffect(() => {
    document.title = t.title(t.status.title);
  }, [t]);
  useEffect(() => {
    const searches = stats?.stages.find((stage) => stage.stage === "request")?.count ?? 0;
    if (stats) setMoments((kept) => added(kept, { at: dataUpdatedAt, searches }));
  }, [stats, dataUpdatedAt]);
  return (
    <main className={page.page}>
      <h1>{t.status.title}</h1>
      <Link to="/">{t.status.back}</Link>
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : (
        stats && <Parts stats={stats} moments={moments} />
      )}
    </main>
  );
}

function Parts({ stats, moments }: { stats: Stats; moments: readonly Moment[] }) {
  const { t, number } = usePageSpeech();
  const { index } = stats;
  const [kept, keep] = useState(false);
  const well = stats.model !== null && index.problem === null;
  return (
    <>
      <p role="status" className={styles.verdict} data-wrong={!well || undefined}>
        {stats.model === null
          ? t.status.encoderDown
          : index.problem
            ? t.status.indexProblem
            : t.status.well(stats.count)}
      </p>
      <Section title={t.status.collection}>
        <dl>
          <Fact name={t.status.pictures}>{number(stats.count)}</Fact>
        </dl>
      </Section>
      <Section title={t.status.now}>
        <Searches moments={moments} />
      </Section>
      <Access />
      <details className={styles.details} open={kept} onToggle={(event) => keep(event.currentTarget.open)}>
        <summary>{t.status.details}</summary>
        <Section title={t.status.collection}>
          <dl>
            <Fact name={t.status.generation}>{stats.generation}</Fact>
            <Fact name={t.status.index}>
              {index.kind}
              {index.generation && index.after > 0 && `, ${t.status.after(index.after)}`}
              {index.problem && <strong> {index.problem}</strong>}
            </Fact>
          </dl>
        </Section>
        <Section title={t.status.latency}>
          <Latency stages={stats.stages} since={stats.uptime_s} />
        </Section>
        <Section title={t.status.caches}>
          <Caches caches={stats.caches} />
        </Section>
        <Section title={t.status.model}>
          {stats.model ? <Facts model={stats.model} /> : <p>{t.status.noModel}</p>}
        </Section>
      </details>
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Searches({ moments }: { moments: readonly Moment[] }) {
  const { t, language } = usePageSpeech();
  const perMinute = rates(moments);
  const last = perMinute.at(-1);
  if (last === undefined) return <p className={page.note}>{t.status.nowNone}</p>;
  const told = t.status.perMinute(last.toLocaleString(language, { maximumFractionDigits: 0 }));
  return (
    <div className={styles.now}>
      <Spark values={perMinute} label={told} />
      <p>{told}</p>
    </div>
  );
}

function Latency({ stages, since }: { stages: readonly StageSpread[]; since: number }) {
  const { t, language, number } = usePageSpeech();
  const ms = (value: number) => `${value.toLocaleString(language, { maximumSignificantDigits: 3 })} ms`;
  // The whole request first, then its stages by their median, slowest first.
  const ordered = [...stages].sort(
    (a, b) => Number(b.stage === "request") - Number(a.stage === "request") || b.p50_ms - a.p50_ms,
  );
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys scroll a table wider than the window */}
      <section className={styles.scroll} aria-label={t.status.latency} tabIndex={0}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{t.status.stage}</th>
              <th scope="col">{t.status.times}</th>
              <th scope="col">{t.status.half}</th>
              <th scope="col">{t.status.most}</th>
              <th scope="col">{t.status.spread}</th>
            </tr>
          </thead>
          <tbody>
            {ordered.map((stage) => {
              const name = t.status.stages[stage.stage] ?? stage.stage;
              return (
                <tr key={stage.stage}>
                  <th scope="row">{name}</th>
                  <td>{number(stage.count)}</td>
                  <td>{ms(stage.p50_ms)}</td>
                  <td>{ms(stage.p95_ms)}</td>
                  <td>
                    <Bars
                      values={stage.buckets.map((bucket) => bucket.count)}
                      names={stage.buckets.map((bucket) =>
                        bucket.most_ms === null ? "∞" : `≤ ${ms(bucket.most_ms)}`,
                      )}
                      label={t.status.spreadOf(name)}
                    />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
      <p className={page.note}>{t.status.latencyNote(span(since, t))}</p>
    </>
  );
}

function Caches({ caches }: { caches: readonly CacheCounts[] }) {
  const { t, number } = usePageSpeech();
  return (
    <dl>
      {caches.map((cache) => {
        const all = cache.hit + cache.miss;
        const share = all > 0 ? cache.hit / all : 0;
        const percent = `${Math.round(100 * share)} %`;
        return (
          <Fact key={cache.cache} name={t.status.cacheNames[cache.cache] ?? cache.cache}>
            <Share value={share} label={`${percent} ${t.status.hits}`} />
            {percent} {t.status.hits} ({number(cache.hit)} / {number(all)})
          </Fact>
        );
      })}
    </dl>
  );
}

function Facts({ model }: { model: Model }) {
  const { t, language } = usePageSpeech();
  const say = (value: number) => value.toLocaleString(language, { maximumFractionDigits: 1 });
  return (
    <>
      <dl>
        <Fact name={t.status.model}>{model.model_id}</Fact>
        <Fact name={t.status.towers}>{Object.values(model.towers).join("; ")}</Fact>
        <Fact name={t.status.runtime}>{model.runtime}</Fact>
        <Fact name={t.status.dim}>{model.dim}</Fact>
      </dl>
      {model.figures.length > 0 && (
        <>
          <h3>{t.status.figures}</h3>
          <dl>
            {model.figures.map((figure) => (
              <Fact key={figure.name} name={figure.name}>
                {say(figure.value)}
                {figure.low !== null && figure.high !== null && (
                  <small> ({t.status.interval(say(figure.low), say(figure.high))})</small>
                )}
              </Fact>
            ))}
          </dl>
        </>
      )}
    </>
  );
}
