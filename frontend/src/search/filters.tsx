import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { facetsQuery } from "../api/queries";
import type { Facets } from "../api/schema";
import { useSpeech } from "../i18n/language";
import { navigate } from "../navigation";
import { CloseIcon, FilterIcon } from "../ui/icons";
import { Menu } from "../ui/menu";
import { Order, withoutFilters, Years, yearOf } from "./browse";
import { type ShapeName, shapesOf, spans } from "./facet-values";
import styles from "./filters.module.css";
import { asks, hrefOf, lists, modeOf, modesOf, type Query } from "./query";
import type { SearchParams } from "./search-params";

const Keep = lazy(() => import("./keep").then((module) => ({ default: module.Keep })));

const Filters = lazy(() => import("./filter-panel").then((module) => ({ default: module.Filters })));

/** The line below the field with the search mode and the filters. */
export function Toolbar({ params, title }: { params: SearchParams; title: string }) {
  const { t } = useSpeech();
  const { query } = params;
  const { data: facets } = useQuery(facetsQuery);
  const [open, setOpen] = useState(false);
  const go = (next: Query) => navigate(hrefOf(next));
  const modes = asks(query) ? modesOf(query) : [];
  const mode = modeOf(query, facets !== undefined && (facets.captioned || facets.written));
  const offered = facets && hasFilters(facets);
  return (
    <section className={styles.toolbar} aria-label={t.filters.tools}>
      <div className={styles.line}>
        {modes.length > 1 && (
          <Menu
            label={t.mode.label}
            name={`${t.mode.label} ${t.mode[mode]}`}
            className={styles.quiet}
            choices={modes.map((one) => ({
              name: t.mode[one],
              hint: t.mode.explain[one],
              chosen: one === mode,
              onChoose: () => go({ ...query, mode: one }),
            }))}
          >
            {t.mode.label} <b>{t.mode[mode]}</b>
          </Menu>
        )}
        {lists(query) && <Order query={query} onChange={go} />}
        {offered && (
          <button
            type="button"
            className={styles.quiet}
            aria-expanded={open}
            aria-controls="filters"
            onClick={() => setOpen(!open)}
          >
            <FilterIcon size={18} />
            {t.filters.label}
          </button>
        )}
        <Active query={query} onChange={go} />
        <div className={styles.keep}>
          <Suspense>
            <Keep key={params.search} search={params.search} title={title} />
          </Suspense>
        </div>
      </div>
      {lists(query) && facets && <Years query={query} years={facets.years} />}
      <Suspense>{open && facets && <Filters query={query} facets={facets} onChange={go} />}</Suspense>
    </section>
  );
}

function hasFilters(facets: Facets): boolean {
  return (
    facets.tags.length > 0 ||
    facets.folders.length > 0 ||
    shapesOf(facets).length > 1 ||
    facets.taken !== null ||
    facets.written ||
    spans(facets.added)
  );
}

type ActiveProps = { query: Query; onChange: (query: Query) => void };

/** The active filters, each with a button to remove it, including those that can only be set in the URL. */
function Active({ query, onChange }: ActiveProps) {
  const { t, number, date } = useSpeech();
  const year = yearOf(query);
  // The strip of years shows and changes these two.
  const shown =
    year && lists(query) ? query.rest.filter(([name]) => !/^taken_(from|to)$/.test(name)) : query.rest;
  if (shown.length === 0) return null;
  const say = (name: string, value: string) => {
    if (name === "tags") return value;
    if (name === "orientation" && value in t.filters) return t.filters[value as ShapeName];
    if (name === "folder") return `${t.filters.folder}: ${value}`;
    if (name === "has_text" && value === "true") return t.filters.withText;
    if (name === "min_width") return t.filters.atLeast(number(Number(value)));
    const day = /^(taken|added)_(from|to)$/.exec(name);
    if (day && /^\d{4}-\d\d-\d\d$/.test(value)) {
      return `${t.filters[day[2] as "from" | "to"](t.filters[day[1] as "taken" | "added"])} ${date(value)}`;
    }
    return `${name}: ${value}`;
  };
  return (
    <ul className={styles.active}>
      {shown.map((one) => {
        const what = say(one[0], one[1]);
        return (
          <li key={one.join("=")}>
            {what}
            <button
              type="button"
              aria-label={t.filters.remove(what)}
              onClick={() => {
                const rest = query.rest.filter((other) => other !== one);
                onChange(rest.length > 0 ? { ...query, rest } : withoutFilters(query));
              }}
            >
              <CloseIcon size={14} />
            </button>
          </li>
        );
      })}
      {shown.length > 1 && (
        <li className={styles.clear}>
          <button type="button" onClick={() => onChange(withoutFilters(query))}>
            {t.filters.clear}
          </button>
        </li>
      )}
    </ul>
  );
}
