import { type FormEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { useMessages } from "../i18n/language";
import { navigate } from "../navigation";
import { AddIcon, CloseIcon, PictureIcon, SearchIcon } from "../ui/icons";
import { singleKeys } from "../ui/single-keys";
import { Chips } from "./chips";
import { forget, remember } from "./history";
import { AWAY, fitting, hrefOf, NOTHING, type Query, type Term, withTerm } from "./query";
import styles from "./search-field.module.css";
import type { SearchParams } from "./search-params";
import { Suggestions, useSuggestions } from "./suggestions";

// After this pause in typing, the next letter makes a new history entry.
const BURST_MS = 2500;

// Debounce: long enough that a word is not searched letter by letter, short enough to feel immediate.
const PAUSE_MS = 180;

// A text that stays unchanged for this time is saved in the search history.
const MEANT_MS = 3000;

type Props = {
  params: SearchParams;
  /** Search by picture files. */
  onFiles: (files: readonly File[]) => void;
  /** Whether a picture to search by is being uploaded and encoded. */
  reading: boolean;
};

/** The search field: a text, and further terms as chips. It searches while typing; Enter searches at once. */
export function SearchField({ params, onFiles, reading }: Props) {
  const t = useMessages();
  const input = useRef<HTMLInputElement>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const { query } = params;
  const { typed, setTyped, go, asked, compose } = useTyped(params);
  const [open, setOpen] = useState(false);
  const [, again] = useState(0);
  const suggestions = useSuggestions(typed, open);
  const [at, setAt] = useState(-1);
  const list = useId();
  const chosen = open ? suggestions[at] : undefined;

  useShortcut(input);

  const search = (text: string) => {
    setOpen(false);
    if (text === asked.current) return;
    setTyped(text);
    go({ ...query, q: text }, false);
  };

  /** Turn the field's text into a chip; a leading minus gives it a negative weight. */
  const keep = () => {
    const text = chosen?.text ?? typed;
    const away = /^[-−–]\s*\S/.test(text);
    const value = text.replace(away ? /^[-−–]\s*/ : "", "").trim();
    if (!value) return;
    setTyped("");
    setOpen(false);
    go(withTerm({ ...query, q: "" }, { kind: "text", value, weight: away ? AWAY : 1 }), false);
    input.current?.focus();
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const text = chosen?.text ?? typed.trim();
    if (/^[-−–]\s*\S/.test(text) && !chosen) return keep();
    if (text) remember(text);
    // Close a phone's on-screen keyboard, which covers the results.
    const touch = window.matchMedia("(hover: none)").matches;
    if (touch) input.current?.blur();
    // Of a search that is there already, Enter leads to the first picture.
    else if (text === asked.current && toFirstPicture()) return setOpen(false);
    search(text);
  };

  /** Move a text term back into the field; the field's text becomes a term. */
  const edit = (term: Term) => {
    const others = query.terms.filter((other) => other !== term);
    const kept = typed.trim();
    const terms = kept ? [...others, { kind: "text" as const, value: kept, weight: 1 }] : others;
    const away = term.weight < 0;
    setTyped(away ? `-${term.value}` : term.value);
    // A text with a minus is searched only on Enter.
    go(fitting({ ...query, q: away ? "" : term.value, terms }), false);
    input.current?.focus();
  };

  const press = (event: KeyboardEvent<HTMLInputElement>) => {
    // While an input method (IME) composes, the keys select among its candidates.
    if (event.nativeEvent.isComposing) return;
    const start = event.currentTarget.selectionStart === 0 && event.currentTarget.selectionEnd === 0;
    const last = query.terms.at(-1);
    if (event.key === "ArrowDown" && suggestions.length === 0 && toFirstPicture()) setOpen(false);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!open) setOpen(true);
      const count = suggestions.length + 1;
      const step = event.key === "ArrowDown" ? 1 : -1;
      // -1 is the field itself, before the first suggestion.
      setAt(((at + 1 + step + count) % count) - 1);
    } else if (event.key === "Escape") {
      if (open) setOpen(false);
      else event.currentTarget.blur();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) keep();
    else if (event.key === "Delete" && event.shiftKey && chosen?.known) {
      forget(chosen.text);
      setAt(-1);
      again((n) => n + 1);
    } else if (event.key === "Backspace" && typed === "" && last) {
      // A held Backspace empties the field but does not go on to delete terms.
      if (event.repeat) return;
      if (last.kind === "text" && last.weight === 1) edit(last);
      else go({ ...query, terms: query.terms.slice(0, -1) }, false);
    } else if (event.key === "ArrowLeft" && start && last) {
      document.getElementById(`chip-${query.terms.length - 1}`)?.focus();
    } else return;
    event.preventDefault();
  };

  return (
    <search
      className={styles.search}
      onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setOpen(false)}
    >
      <form
        className={styles.field}
        onSubmit={submit}
        onPointerUp={(event) =>
          !(event.target as HTMLElement).closest("button, input") && input.current?.focus()
        }
      >
        <SearchIcon />
        <div className={styles.flow}>
          <Chips
            query={query}
            onChange={(next, replace) => go(fitting(next), replace)}
            onEdit={edit}
            onLeave={() => input.current?.focus()}
          />
          <input
            ref={input}
            type="text"
            role="combobox"
            aria-expanded={open && suggestions.length > 0}
            aria-controls={list}
            aria-autocomplete="list"
            aria-activedescendant={chosen ? `${list}-${at}` : undefined}
            inputMode="search"
            enterKeyHint="search"
            autoComplete="off"
            spellCheck="false"
            maxLength={500}
            aria-label={t.field.label}
            placeholder={query.terms.length > 0 ? t.field.placeholderMore : t.field.placeholder}
            value={chosen?.text ?? typed}
            onFocus={() => typed === "" && setOpen(true)}
            onChange={(event) => {
              setTyped(event.target.value);
              setOpen(true);
              setAt(-1);
            }}
            onKeyDown={press}
            onCompositionStart={() => compose(true)}
            onCompositionEnd={() => compose(false)}
          />
        </div>
        {reading && (
          <span className={styles.reading} role="status">
            {t.field.pictureReading}
          </span>
        )}
        <div className={styles.tools}>
          {typed && (
            <button type="button" title={t.field.keep} aria-label={t.field.keep} onClick={keep}>
              <AddIcon size={18} />
            </button>
          )}
          {(typed || query.terms.length > 0) && (
            <button
              type="button"
              title={t.field.clear}
              aria-label={t.field.clear}
              onClick={() => {
                setTyped("");
                asked.current = "";
                navigate(hrefOf(NOTHING));
                input.current?.focus();
              }}
            >
              <CloseIcon size={18} />
            </button>
          )}
          <button
            type="button"
            title={t.field.picture}
            aria-label={t.field.picture}
            disabled={reading}
            onClick={() => chooser.current?.click()}
          >
            <PictureIcon size={20} />
          </button>
          <input
            ref={chooser}
            type="file"
            accept="image/*"
            multiple
            hidden
            onChange={(event) => {
              onFiles([...(event.target.files ?? [])]);
              event.target.value = "";
            }}
          />
        </div>
      </form>
      <Suggestions
        id={list}
        onForget={(text) => {
          forget(text);
          again((n) => n + 1);
        }}
        shown={open ? suggestions : []}
        at={at}
        onChoose={(text) => {
          remember(text);
          search(text);
        }}
      />
    </search>
  );
}

/** The typed text, and search as you type, debounced. */
function useTyped({ query, picture }: SearchParams) {
  const [typed, setTyped] = useState(query.q);
  // Whether an input method (IME) is composing: the text is not final then.
  const [composing, compose] = useState(false);
  // The last text that this field searched for. If the URL has another text, the URL wins.
  const asked = useRef(query.q);
  const went = useRef(0);

  const go = (next: Query, replace: boolean) => {
    asked.current = next.q;
    navigate(hrefOf(next), { replace });
  };

  useEffect(() => {
    if (query.q !== asked.current) {
      asked.current = query.q;
      setTyped(query.q);
    }
  }, [query.q]);

  useEffect(() => {
    const text = typed.trim();
    // Do not search while the viewer is open, which would close it; a text with a minus waits for Enter.
    if (picture || composing || text === asked.current || /^[-−–]/.test(text)) return;
    const timer = setTimeout(() => {
      // Text typed without a long pause is one history entry: Back undoes the search, not its last letter.
      const replace = query.q !== "" && text !== "" && Date.now() - went.current < BURST_MS;
      went.current = Date.now();
      asked.current = text;
      navigate(hrefOf(fitting({ ...query, q: text })), { replace });
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, query, picture, composing]);

  useEffect(() => {
    if (!query.q) return;
    const timer = setTimeout(() => remember(query.q), MEANT_MS);
    return () => clearTimeout(timer);
  }, [query.q]);

  return { typed, setTyped, go, asked, compose };
}

const TAB_STOP = "main [data-picture][tabindex='0']";

/** Focus the wall's tab stop, that of a search which still runs as soon as it is there; false if there is no wall. */
function toFirstPicture(): boolean {
  if (!document.querySelector(TAB_STOP)) return false;
  const before = document.activeElement;
  const go = () => {
    // The user has gone elsewhere meanwhile.
    if (document.activeElement !== before) return;
    if (document.querySelector("main [aria-busy=true]")) requestAnimationFrame(go);
    else document.querySelector<HTMLElement>(TAB_STOP)?.focus();
  };
  go();
  return true;
}

/** "/" focuses the field, unless the user is typing elsewhere. */
function useShortcut(input: React.RefObject<HTMLInputElement | null>) {
  useEffect(() => {
    const focus = (event: globalThis.KeyboardEvent) => {
      const busy =
        event.target instanceof HTMLInputElement ||
        event.target instanceof HTMLTextAreaElement ||
        document.querySelector("dialog[open]");
      if (event.key !== "/" || busy || !singleKeys() || event.ctrlKey || event.metaKey || event.altKey)
        return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, [input]);
}
