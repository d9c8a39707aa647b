import { useQuery } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useState } from "react";
import { facetsQuery } from "../api/queries";
import type { Facets } from "../api/schema";
import { useSpeech } from "../i18n/language";
import { navigate } from "../navigation";
import { CloseIcon, FilterIcon } from "../ui/icons";
import { Menu } from "../ui/menu";
import { Order, withoutFilters, Years, yearOf } from "./browse";
import styles from "./filters.module.css";
import { asks, filterOf, hrefOf, lists, modeOf, modesOf, type Query, withFilter } from "./query";
import type { SearchParams } from "./search-params";

const SHAPES = ["landscape", "portrait", "square"] as const;
const WIDTHS = [640, 1280, 1920, 3840];
const COMMON_TAGS = 8;
const DAY_MS = 500;

/** The line below the field with the search mode and the filters. */
export function Toolbar({ params }: { params: SearchParams }) {
  const { t } = useSpeech();
  const { query } = params;
  const { data: facets } = useQuery(facetsQuery);
  const [open, setOpen] = useState(false);
  const go = (next: Query) => navigate(hrefOf(next));
  const modes = asks(query) ? modesOf(query) : [];
  const mode = modeOf(query, facets?.captioned ?? false);
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
      </div>
      {lists(query) && facets && <Years query={query} years={facets.years} />}
      {open && facets && <Filters query={query} facets={facets} onChange={go} />}
    </section>
  );
}

function hasFilters(facets: Facets): boolean {
  return (
    facets.tags.length > 0 ||
    facets.folders.length > 0 ||
    shapesOf(facets).length > 1 ||
    facets.taken !== null ||
    spans(facets.added)
  );
}

function shapesOf(facets: Facets) {
  return SHAPES.filter((shape) => facets.orientations[shape] > 0);
}

/** Whether the range of times covers more than one day; otherwise a date filter is useless. */
function spans(moments: string[] | null): moments is string[] {
  return moments !== null && moments[0]?.slice(0, 10) !== moments[1]?.slice(0, 10);
}

type FilterProps = { query: Query; facets: Facets; onChange: (query: Query) => void };

function Filters({ query, facets, onChange }: FilterProps) {
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

/** The active filters, each with a button to remove it, including those that can only be set in the URL. */
function Active({ query, onChange }: Omit<FilterProps, "facets">) {
  const { t, number, date } = useSpeech();
  const year = yearOf(query);
  // The strip of years shows and changes these two.
  const shown =
    year && lists(query) ? query.rest.filter(([name]) => !/^taken_(from|to)$/.test(name)) : query.rest;
  if (shown.length === 0) return null;
  const say = (name: string, value: string) => {
    if (name === "tags") return value;
    if (name === "orientation" && value in t.filters) return t.filters[value as (typeof SHAPES)[number]];
    if (name === "folder") return `${t.filters.folder}: ${value}`;
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
