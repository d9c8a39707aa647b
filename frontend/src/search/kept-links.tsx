import { useQuery } from "@tanstack/react-query";
import { keptQuery } from "../api/queries";
import { useMessages } from "../i18n/language";
import { Link } from "../navigation";
import { hrefOf, readQuery } from "./query";

/** The kept searches as links. */
export function KeptSearches() {
  const t = useMessages();
  const { data } = useQuery(keptQuery);
  if (!data || data.searches.length === 0) return null;
  return (
    <nav aria-label={t.kept.title}>
      <span>{t.kept.title}</span>
      <ul>
        {data.searches.map(({ id, name, search }) => (
          <li key={id}>
            <Link to={hrefOf(readQuery(new URLSearchParams(search)))}>{name}</Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
