/** The panel of filters, loaded when it is opened: those that the collection has. */

import { useEffect, useEffectEvent, useState } from "react";
import type { Facets } from "../api/schema";
import { useSpeech } from "../i18n/language";
import { shapesOf, spans } from "./facet-values";
import styles from "./filters.module.css";
import { filterOf, type Query, withFilter } from "./query";

const WIDTHS = [640, 1280, 1920, 3840];
const COMMON_TAGS = 8;
const DAY_MS = 500;

type FilterProps = { query: Query; facets: Facets; onChange: (query: Query) => void };

/** The filters. */
export function Filters({ query, facets, onChange }: FilterProps) {
  const { t, number } = useSpeech();
  const tags = filterOf(query, "tags");
  const shape = filterOf(query, "orientation")[0] ?? "";
  const width = filterOf(query, "min_width")[0] ?? "";
  const widths = WIDTHS.filter((w) => w <= facets.widest);
  const common = facets.tags.slice(0, COMMON_TAGS).filter(({ tag }) => !tags.includes(tag));
  return (
    <div id="filters" className={styles.filters}>
      {facets.tags.length > 0 && (
        <fieldset>
          <legend>{t.filters.tags}</legend>
          <div className={styles.tags}>
            {common.map(({ tag, count }) => (
              <button
                key={tag}
                type="button"
                onClick={() => onChange(withFilter(query, "tags", [...tags, tag]))}
              >
                {tag} <span>{number(count)}</span>
              </button>
            ))}
            {facets.tags.length > COMMON_TAGS && (
              <input
                list="all-tags"
                aria-label={t.filters.tagPlaceholder}
                placeholder={t.filters.tagPlaceholder}
                onChange={(event) => {
                  const tag = event.target.value;
                  // Apply a known tag when it is chosen from the list, or typed completely and the field is left.
                  const listed = !(event.nativeEvent instanceof InputEvent) || !event.nativeEvent.data;
                  if (!listed || !facets.tags.some((known) => known.tag === tag)) return;
                  event.target.value = "";
                  onChange(withFilter(query, "tags", [...new Set([...tags, tag])]));
                }}
                onKeyDown={(event) => {
                  const tag = event.currentTarget.value.trim();
                  if (event.key !== "Enter" || !tag) return;
                  event.currentTarget.value = "";
                  onChange(withFilter(query, "tags", [...new Set([...tags, tag])]));
                }}
              />
            )}
            <datalist id="all-tags">
              {facets.tags.map(({ tag }) => (
                <option key={tag} value={tag} />
              ))}
            </datalist>
          </div>
        </fieldset>
      )}
      {facets.folders.length > 0 && <Folder query={query} facets={facets} onChange={onChange} />}
      {shapesOf(facets).length > 1 && (
        <label>
          {t.filters.orientation}
          <select
            value={shape}
            onChange={(event) =>
              onChange(withFilter(query, "orientation", event.target.value ? [event.target.value] : []))
            }
          >
            <option value="">{t.filters.any}</option>
            {shapesOf(facets).map((name) => (
              <option key={name} value={name}>
                {t.filters[name]}
              </option>
            ))}
          </select>
        </label>
      )}
      {widths.length > 0 && (
        <label>
          {t.filters.size}
          <select
            value={width}
            onChange={(event) =>
              onChange(withFilter(query, "min_width", event.target.value ? [event.target.value] : []))
            }
          >
            <option value="">{t.filters.any}</option>
            {widths.map((pixels) => (
              <option key={pixels} value={pixels}>
                {t.filters.atLeast(number(pixels))}
              </option>
            ))}
          </select>
        </label>
      )}
      {facets.written && (
        <label className={styles.check}>
          <input
            type="checkbox"
            checked={filterOf(query, "has_text")[0] === "true"}
            onChange={(event) =>
              onChange(withFilter(query, "has_text", event.target.checked ? ["true"] : []))
            }
          />
          {t.filters.withText}
        </label>
      )}
      {facets.taken && (
        <Days name="taken" label={t.filters.taken} span={facets.taken} query={query} onChange={onChange} />
      )}
      {spans(facets.added) && (
        <Days name="added" label={t.filters.added} span={facets.added} query={query} onChange={onChange} />
      )}
    </div>
  );
}

/** A list of folders, in which those below another one are indented. */
function Folder({ query, facets, onChange }: FilterProps) {
  const { t, number } = useSpeech();
  const folder = filterOf(query, "folder")[0] ?? "";
  const listed = facets.folders.some((one) => one.folder === folder);
  return (
    <label>
      {t.filters.folder}
      <select
        value={folder}
        onChange={(event) =>
          onChange(withFilter(query, "folder", event.target.value ? [event.target.value] : []))
        }
      >
        <option value="">{t.filters.any}</option>
        {folder && !listed && <option value={folder}>{folder}</option>}
        {facets.folders.map(({ folder: path, count }) => {
          const parts = path.split("/");
          return (
            <option key={path} value={path}>
              {"\u2003".repeat(parts.length - 1)}
              {parts.at(-1)} ({number(count)})
            </option>
          );
        })}
      </select>
    </label>
  );
}

type DaysProps = {
  name: "taken" | "added";
  label: string;
  span: string[];
  query: Query;
  onChange: (query: Query) => void;
};

function Days({ name, label, span, query, onChange }: DaysProps) {
  const { t } = useSpeech();
  const [first, last] = span.map((moment) => moment.slice(0, 10));
  return (
    <fieldset>
      <legend>{label}</legend>
      <div className={styles.days}>
        {(["from", "to"] as const).map((end) => (
          <Day
            key={end}
            label={t.filters[end](label)}
            first={first}
            last={last}
            value={filterOf(query, `${name}_${end}`)[0] ?? ""}
            onChange={(day) => onChange(withFilter(query, `${name}_${end}`, day ? [day] : []))}
          />
        ))}
      </div>
    </fieldset>
  );
}

type DayProps = {
  label: string;
  first: string | undefined;
  last: string | undefined;
  value: string;
  onChange: (day: string) => void;
};

/** A date input, debounced: while a year is typed digit by digit, the value is the year 2, then 20, and so on. */
function Day({ label, first, last, value, onChange }: DayProps) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const change = useEffectEvent(onChange);
  useEffect(() => {
    if (typed === value || (typed && typed < "1000")) return;
    const timer = setTimeout(() => change(typed), DAY_MS);
    return () => clearTimeout(timer);
  }, [typed, value]);
  return (
    <input
      type="date"
      aria-label={label}
      min={first}
      max={last}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  );
}
