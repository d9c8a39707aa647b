import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import { nameOf, pictureOf, type Query, thumbnail } from "../api";
import { CloseIcon, SearchIcon } from "../ui/icons";
import styles from "./search-field.module.css";
import { hrefOfText } from "./url";

// Long enough that a word is not searched letter by letter, short enough to feel immediate.
const PAUSE_MS = 250;

/** The one field: a sentence, or the picture that others should be like. Enter is never needed, and always works. */
export function SearchField({ query }: { query: Query | null }) {
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

  useEffect(() => {
    const text = typed.trim();
    if (text === asked.current || (text === "" && query === null)) return;
    if (text === "" && query?.kind === "like") return;
    const timer = setTimeout(() => {
      // The first search is a step that Back can undo; the letters that follow are not.
      const replace = query?.kind === "text";
      asked.current = text;
      navigate(hrefOfText(text), { replace });
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, query, navigate]);

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
    if (!text) return;
    asked.current = text;
    navigate(hrefOfText(text));
    input.current?.blur();
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
          maxLength={1000}
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
