import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import { nameOf, pictureOf, type Query, thumbnail } from "../api";
import { CloseIcon, SearchIcon } from "../ui/icons";
import styles from "./search-field.module.css";
import { hrefOfText } from "./url";

// After this long without a letter, the next one begins a new search, with a step of its own in the history.
const BURST_MS = 2500;

// Long enough that a word is not searched letter by letter, short enough to feel immediate.
const PAUSE_MS = 250;

/** The one field: a sentence, or the picture that others should be like. Enter is never needed, and always works. */
export function SearchField({ query, viewing }: { query: Query | null; viewing: boolean }) {
  const navigate = useNavigate();
  const input = useRef<HTMLInputElement>(null);
  const shown = query?.kind === "text" ? query.text : "";
  const [typed, setTyped] = useState(shown);
  // What this field itself asked for last: when the URL says something else, the URL wins.
  const asked = useRef(shown);

  useEffect(() => {
    if (shown !== asked.current) {
      asked.current = shown;
      setTyped(shown);
    }
  }, [shown]);

  const went = useRef(0);

  useEffect(() => {
    const text = typed.trim();
    // A picture that is being looked at is not closed by a word typed just before.
    if (viewing || text === asked.current || (text === "" && query?.kind !== "text")) return;
    const timer = setTimeout(() => {
      // The letters of one burst are one step: Back undoes the search, not its last letter.
      const replace = query?.kind === "text" && text !== "" && Date.now() - went.current < BURST_MS;
      went.current = Date.now();
      asked.current = text;
      navigate(hrefOfText(text), { replace });
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, query, viewing, navigate]);

  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const busy = event.target instanceof HTMLInputElement || document.querySelector("dialog[open]");
      if (event.key !== "/" || busy || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const text = typed.trim();
    input.current?.blur();
    if (!text || text === asked.current) return;
    asked.current = text;
    navigate(hrefOfText(text));
  };

  return (
    <search className={styles.search}>
      <form className={styles.field} onSubmit={submit}>
        <SearchIcon />
        {query?.kind === "like" && <LikeChip id={query.id} />}
        <input
          ref={input}
          type="text"
          inputMode="search"
          enterKeyHint="search"
          autoComplete="off"
          spellCheck="false"
          maxLength={500}
          aria-label="What the picture shows"
          placeholder={query?.kind === "like" ? "or type a sentence" : "What does the picture show?"}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        {typed && (
          <button
            type="button"
            className={styles.clear}
            aria-label="Clear"
            onClick={() => {
              setTyped("");
              input.current?.focus();
            }}
          >
            <CloseIcon size={18} />
          </button>
        )}
      </form>
    </search>
  );
}

function LikeChip({ id }: { id: string }) {
  const { data } = useQuery(pictureOf(id));
  return (
    <span className={styles.chip}>
      {data && <img src={thumbnail(data, 240)} alt={nameOf(data)} />}
      <span>like this</span>
      <Link to="/" aria-label="Do not search by this picture">
        <CloseIcon size={14} />
      </Link>
    </span>
  );
}
