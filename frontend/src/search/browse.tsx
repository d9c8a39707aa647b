/** Looking through the pictures without a query: their order, and a strip of years. */

import { useSpeech } from "../i18n/language";
import { Link } from "../navigation";
import { Menu } from "../ui/menu";
import styles from "./filters.module.css";
import { asks, filterOf, hrefOf, type Query, type Sort, withFilter } from "./query";

const SORTS: readonly Sort[] = ["added", "taken"];

type OrderProps = { query: Query; onChange: (query: Query) => void };

/** The order of the pictures. */
export function Order({ query, onChange }: OrderProps) {
  const { t } = useSpeech();
  const sort = query.sort ?? "added";
  return (
    <Menu
      label={t.browse.order}
      name={`${t.browse.order} ${t.browse[sort]}`}
      className={styles.quiet}
      choices={SORTS.map((one) => ({
        name: t.browse[one],
        chosen: one === sort,
        onChoose: () => onChange({ ...query, sort: one }),
      }))}
    >
      {t.browse.order} <b>{t.browse[sort]}</b>
    </Menu>
  );
}

type YearsProps = { query: Query; years: readonly { year: string; count: number }[] };

/** Links to the pictures of each year. */
export function Years({ query, years }: YearsProps) {
  const { t, number } = useSpeech();
  if (years.length < 2) return null;
  const chosen = yearOf(query);
  const to = (year: string | null) => {
    const from = withFilter(query, "taken_from", year ? [year] : []);
    return hrefOf({ ...withFilter(from, "taken_to", year ? [year] : []), sort: "taken" });
  };
  return (
    <nav className={styles.years} aria-label={t.browse.years}>
      <Link to={to(null)} aria-current={chosen === null && query.sort === "taken" ? "page" : undefined}>
        {t.browse.everyYear}
      </Link>
      {years.map(({ year, count }) => (
        <Link
          key={year}
          to={to(year)}
          title={t.browse.inYear(number(count), count)}
          aria-current={year === chosen ? "page" : undefined}
        >
          {year}
        </Link>
      ))}
    </nav>
  );
}

/** The year that a query's filters stand for; null if they stand for none. */
export function yearOf(query: Query): string | null {
  const [from, to] = [filterOf(query, "taken_from")[0], filterOf(query, "taken_to")[0]];
  return from !== undefined && from === to && /^\d{4}$/.test(from) ? from : null;
}

/** A query without its filters; a listing becomes that of all pictures. */
export function withoutFilters(query: Query): Query {
  return { ...query, rest: [], sort: asks(query) ? query.sort : (query.sort ?? "added") };
}
