import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { ApiError, logIn } from "../api";
import styles from "./notice.module.css";

/** Where the system is published: the key that lets this browser in. */
export function KeyForm() {
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
      await queries.resetQueries();
    } catch (error) {
      const refused = error instanceof ApiError && error.status === 401;
      setProblem(refused ? "That key is not known here." : "The key could not be tried. Try again.");
      setBusy(false);
    }
  };

  return (
    <form className={styles.notice} onSubmit={submit}>
      <h2>This collection asks for a key.</h2>
      <p className={styles.words}>
        Whoever runs it makes one with <code>sightline keys create</code>. This browser will keep it.
      </p>
      <div className={styles.entry}>
        <label htmlFor={ids.field} className="unseen">
          API key
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
        <button type="submit" disabled={busy}>
          Continue
        </button>
      </div>
      <p id={ids.problem} role="alert" className={styles.problem}>
        {problem}
      </p>
    </form>
  );
}
