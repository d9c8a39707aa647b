import { useQuery } from "@tanstack/react-query";
import type { KeyboardEvent } from "react";
import { pictureOf, thumbnail } from "../api/queries";
import { useMessages } from "../i18n/language";
import { Menu } from "../ui/menu";
import { nameOf } from "../wall/name";
import { type Query, stepped, type Term, WEIGHTS } from "./query";
import { queryThumbnailOf } from "./query-thumbnails";
import styles from "./search-field.module.css";

type Props = {
  query: Query;
  /** With `replace`, the history entry is replaced: steps of a weight make one entry. */
  onChange: (query: Query, replace: boolean) => void;
  /** Moves a text term back into the field. */
  onEdit: (term: Term) => void;
  /** Moves the focus back to the field. */
  onLeave: () => void;
};

/** The terms of a search. Up and Down change a weight, Delete removes a term, Left and Right move the focus. */
export function Chips({ query, onChange, onEdit, onLeave }: Props) {
  const t = useMessages();
  if (query.terms.length === 0) return null;

  const replace = (term: Term, next: Term | null) =>
    onChange(
      {
        ...query,
        terms: query.terms.flatMap((other) => (other === term ? (next ? [next] : []) : [other])),
      },
      next !== null,
    );
  const remove = (term: Term) => {
    replace(term, null);
    onLeave();
  };

  const press = (event: KeyboardEvent, term: Term, at: number) => {
    // Alt with an arrow is the browser's Back and Forward.
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const focus = (other: number) => {
      if (other >= query.terms.length) onLeave();
      else document.getElementById(`chip-${other}`)?.focus();
    };
    if (event.key === "ArrowUp") replace(term, { ...term, weight: stepped(term.weight, 1) });
    else if (event.key === "ArrowDown") replace(term, { ...term, weight: stepped(term.weight, -1) });
    else if (event.key === "Delete" || event.key === "Backspace") remove(term);
    else if (event.key === "ArrowLeft") focus(Math.max(0, at - 1));
    else if (event.key === "ArrowRight") focus(at + 1);
    else return;
    event.preventDefault();
  };

  return (
    <ul className={styles.chips} aria-label={t.field.terms}>
      {query.terms.map((term, at) => (
        <Chip
          key={`${term.kind}:${term.value}`}
          term={term}
          at={at}
          onKeyDown={(event) => press(event, term, at)}
          onWeight={(weight) => replace(term, { ...term, weight })}
          onEdit={() => onEdit(term)}
          onRemove={() => remove(term)}
        />
      ))}
    </ul>
  );
}

type ChipProps = {
  term: Term;
  at: number;
  onKeyDown: (event: KeyboardEvent) => void;
  onWeight: (weight: number) => void;
  onEdit: () => void;
  onRemove: () => void;
};

function Chip({ term, at, onKeyDown, onWeight, onEdit, onRemove }: ChipProps) {
  const t = useMessages();
  const like = useQuery({ ...pictureOf(term.value), enabled: term.kind === "like" });
  const seen = term.kind === "text" ? term.value : t.term[term.kind];
  // Screen readers distinguish two pictures by their captions.
  const name = like.data ? `${seen}, ${nameOf(like.data, t)}` : seen;
  const weight = t.term.weight(term.weight);
  const source =
    term.kind === "like"
      ? like.data && thumbnail(like.data, 240)
      : term.kind === "vector" && queryThumbnailOf(term.value);
  return (
    <li>
      <Menu
        id={`chip-${at}`}
        label={t.term.menu(name)}
        name={t.term.describe(name, weight)}
        className={styles.chip}
        onKeyDown={onKeyDown}
        choices={[
          ...WEIGHTS.toReversed().map((level) => ({
            name: t.term.levels[String(level)] ?? String(level),
            chosen: term.weight === level,
            onChoose: () => onWeight(level),
          })),
          ...(term.kind === "text" ? [{ name: t.term.edit, onChoose: onEdit }] : []),
          { name: t.term.remove, onChoose: onRemove },
        ]}
      >
        {source && <img src={source} alt="" />}
        {weight && (
          <span className={styles.weight} data-away={term.weight < 0 || undefined}>
            {weight}
          </span>
        )}{" "}
        <span className={styles.value}>{seen}</span>
      </Menu>
    </li>
  );
}
