import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { suggestionsOf } from "../api/queries";
import { useMessages } from "../i18n/language";
import { CloseIcon, HistoryIcon, SearchIcon } from "../ui/icons";
import { readHistory } from "./history";
import styles from "./search-field.module.css";

export type Suggestion = { text: string; known: boolean };

const MOST = 6;
const MOST_WHILE_TYPING = 4;
const PAUSE_MS = 120;

/** Completions of a text from the search history and from the collection's captions and tags. */
export function useSuggestions(typed: string, wanted: boolean): Suggestion[] {
  const [settled, setSettled] = useState(typed);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(typed), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const text = settled.trim();
  const asked = wanted && text.length > 1 && !text.startsWith("-");
  const { data } = useQuery({
    ...suggestionsOf(text),
    enabled: asked,
    // A list that is empty for a moment would send the Down key past it.
    placeholderData: keepPreviousData,
  });
  const history = readHistory().join("\n");
  return useMemo(() => {
    if (!wanted) return [];
    const beginning = typed.trim().toLowerCase();
    const before = history
      .split("\n")
      .filter((old) => old !== "")
      .filter((old) => old.toLowerCase().includes(beginning));
    if (beginning === "") return before.slice(0, MOST).map((old) => ({ text: old, known: true }));
    const offered = asked && data ? [...data.tags.slice(0, 1), ...data.captions, ...data.written] : [];
    const all = [
      ...before.slice(0, 2).map((old) => ({ text: old, known: true })),
      ...offered.map((text) => ({ text: asTyped(text), known: false })),
    ];
    const seen = new Set([beginning]);
    return all
      .filter(({ text }) => !seen.has(text.toLowerCase()) && seen.add(text.toLowerCase()))
      .slice(0, MOST_WHILE_TYPING);
  }, [typed, wanted, asked, data, history]);
}

/** A caption as a query: without a leading capital and a full stop. */
export function asTyped(caption: string): string {
  const words = caption.replace(/[.!\s]+$/, "");
  // Two capitals are an abbreviation and are kept: "TV tower".
  return /^\p{Lu}\p{Lu}/u.test(words) ? words : words.charAt(0).toLowerCase() + words.slice(1);
}

type Props = {
  id: string;
  shown: readonly Suggestion[];
  at: number;
  onChoose: (text: string) => void;
  onForget: (text: string) => void;
};

/** The list of suggestions below the field; the focus stays in the field (ARIA APG, combobox). */
export function Suggestions({ id, shown, at, onChoose, onForget }: Props) {
  const t = useMessages();
  return (
    <div
      id={id}
      role="listbox"
      aria-label={t.field.suggestions}
      className={styles.suggestions}
      hidden={shown.length === 0}
    >
      {shown.map(({ text, known }, i) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the field keeps the focus and handles the keys
        <div
          key={text}
          id={`${id}-${i}`}
          role="option"
          tabIndex={-1}
          aria-selected={i === at}
          // Prevents the click from taking the focus away from the field.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onChoose(text)}
        >
          {known ? <HistoryIcon size={16} /> : <SearchIcon size={16} />}
          <span>{text}</span>
          {known && (
            // For the mouse; the keyboard shortcut is Shift + Delete.
            <i
              title={t.field.forget(text)}
              aria-hidden="true"
              onPointerUp={(event) => {
                event.stopPropagation();
                onForget(text);
              }}
              onClick={(event) => event.stopPropagation()}
            >
              <CloseIcon size={14} />
            </i>
          )}
        </div>
      ))}
    </div>
  );
}
