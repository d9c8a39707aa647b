import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { ApiError } from "../api/client";
import { logIn } from "../api/queries";
import { useMessages } from "../i18n/language";
import styles from "./notice.module.css";

type Props = {
  title?: string;
  /** Called when the key has been taken. */
  onDone?: () => void;
};

/** The login form for an API key, shown if the system needs one. */
export function KeyForm({ title, onDone }: Props) {
  const t = useMessages();
  const queries = useQueryClient();
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const ids = { field: useId(), problem: useId() };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      await logIn(key.trim());
      onDone?.();
      await queries.resetQueries();
    } catch (error) {
      const refused = error instanceof ApiError && error.status === 401;
      setProblem(refused ? t.key.unknown : t.key.failed);
      setBusy(false);
    }
  };

  return (
    <form className={styles.notice} onSubmit={submit}>
      <h2>{title ?? t.key.title}</h2>
      <p className={styles.words}>
        {t.key.explain} <code>sightline keys create</code>. {t.key.keep}
      </p>
      <div className={styles.entry}>
        <label htmlFor={ids.field} className="unseen">
          {t.key.label}
        </label>
        <input
          id={ids.field}
          type="password"
          autoComplete="current-password"
          placeholder="sl_…"
          required
          value={key}
          aria-invalid={problem !== ""}
          aria-describedby={ids.problem}
          onChange={(event) => setKey(event.target.value)}
        />
        <button type="submit" className="primary" disabled={busy}>
          {t.key.go}
        </button>
      </div>
      <p id={ids.problem} role="alert" className={styles.problem}>
        {problem}
      </p>
    </form>
  );
}
