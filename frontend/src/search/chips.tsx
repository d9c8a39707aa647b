import { useQuery } from "@tanstack/react-query";
import type { KeyboardEvent } from "react";
import { pictureOf, thumbnail } from "../api/queries";
import { useMessages } from "../i18n/language";
import { Menu } from "../ui/menu";
import { portraitOf } from "./portraits";
import { type Query, stepped, type Term, WEIGHTS } from "./query";
import styles from "./search-field.module.css";

type Props = {
  query: Query;
  onChange: (query: Query) => void;
  /** A text goes back into the field. */
  onEdit: (term: Term) => void;
  /** The focus goes back to the field. */
  onLeave: () => void;
};

/** The terms of a search. Up and Down change a weight, Delete removes a term, Left and Right lead along. */
export function Chips({ query, onChange, onEdit, onLeave }: Props) {
  const t = useMessages();
  if (query.terms.length === 0) return null;

  const replace = (term: Term, next: Term | null) =>
    onChange({
      ...query,
      terms: query.terms.flatMap((other) => (other === term ? (next ? [next] : []) : [other])),
    });

  const press = (event: KeyboardEvent, term: Term, at: number) => {
    const focus = (other: number) => {
      if (other >= query.terms.length) onLeave();
      else document.getElementById(`chip-${other}`)?.focus();
    };
    if (event.key === "ArrowUp") replace(term, { ...term, weight: stepped(term.weight, 1) });
    else if (event.key === "ArrowDown") replace(term, { ...term, weight: stepped(term.weight, -1) });
    else if (event.key === "Delete" || event.key === "Backspace") {
      replace(term, null);
      onLeave();
    } else if (event.key === "ArrowLeft") focus(Math.max(0, at - 1));
    else if (event.key === "ArrowRight") focus(at + 1);
    else return;
    event.preventDefault();
  };

  return (
    <ul className={styles.chips} aria-label={t.field.terms}>
      {query.terms.map((term, at) => {
        const name = term.kind === "text" ? term.value : t.term[term.kind];
        const weight = t.term.weight(term.weight);
        return (
          <li key={`${term.kind}:${term.value}`}>
            <Menu
              id={`chip-${at}`}
              label={t.term.menu(name)}
              name={t.term.describe(name, weight)}
              className={styles.chip}
              onKeyDown={(event) => press(event, term, at)}
              choices={[
                ...WEIGHTS.toReversed().map((level) => ({
                  name: t.term.levels[String(level)] ?? String(level),
                  chosen: term.weight === level,
                  onChoose: () => replace(term, { ...term, weight: level }),
                })),
                ...(term.kind === "text" ? [{ name: t.term.edit, onChoose: () => onEdit(term) }] : []),
                {
                  name: t.term.remove,
                  onChoose: () => {
                    replace(term, null);
                    onLeave();
                  },
                },
              ]}
            >
              <Portrait term={term} />
              {weight && (
                <span className={styles.weight} data-away={term.weight < 0 || undefined}>
                  {weight}
                </span>
              )}{" "}
              <span className={styles.value}>{name}</span>
            </Menu>
          </li>
        );
      })}
    </ul>
  );
}

/** The picture of a term, as small as a letter. */
function Portrait({ term }: { term: Term }) {
  const like = useQuery({ ...pictureOf(term.value), enabled: term.kind === "like" });
  const source =
    term.kind === "like"
      ? like.data && thumbnail(like.data, 240)
      : term.kind === "vector" && portraitOf(term.value);
  return source ? <img src={source} alt="" /> : null;
}
