/** Kept searches: a star keeps a search under a name, for all who use the collection. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { keepSearch, keptQuery, mayWrite, removeKept, sessionQuery } from "../api/queries";
import { useSpeech } from "../i18n/language";
import { useShared } from "../shared";
import { StarIcon } from "../ui/icons";
import { Menu } from "../ui/menu";
import styles from "./filters.module.css";

/** The star: keeps the search, or names the kept one, which can be renamed and removed. */
export function Keep({ search, title }: { search: string; title: string }) {
  const speech = useSpeech();
  const { t } = speech;
  const queries = useQueryClient();
  const { toasts } = useShared();
  const { data: session } = useQuery(sessionQuery);
  const { data } = useQuery(keptQuery);
  const [naming, setNaming] = useState<string | null>(null);
  if (!mayWrite(session) || !data) return null;
  const kept = data.searches.find((one) => one.search === search);

  const run = async (step: () => Promise<unknown>) => {
    try {
      await step();
    } catch (error) {
      const { whyIn } = await import("../i18n/pages");
      toasts.say(t.kept.notDone(whyIn(speech, error)));
    }
    await queries.invalidateQueries({ queryKey: ["kept"] });
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const name = naming?.trim();
    if (!name) return;
    setNaming(null);
    await run(() => keepSearch(name, search));
  };

  if (naming !== null) {
    return (
      <form
        className={styles.naming}
        onSubmit={(event) => void submit(event)}
        onKeyDown={(event) => event.key === "Escape" && setNaming(null)}
      >
        <input
          // biome-ignore lint/a11y/noAutofocus: the form appears at the user's request
          autoFocus
          aria-label={t.kept.name}
          maxLength={200}
          value={naming}
          onChange={(event) => setNaming(event.target.value)}
          onFocus={(event) => event.target.select()}
        />
        <button type="submit">{t.kept.keep}</button>
        <button type="button" onClick={() => setNaming(null)}>
          {t.cancel}
        </button>
      </form>
    );
  }
  if (!kept) {
    return (
      <button type="button" className={styles.quiet} onClick={() => setNaming(title)}>
        <StarIcon size={18} /> {t.kept.keepThis}
      </button>
    );
  }
  return (
    <Menu
      label={t.kept.menu(kept.name)}
      name={t.kept.menu(kept.name)}
      className={styles.quiet}
      choices={[
        { name: t.kept.rename, onChoose: () => setNaming(kept.name) },
        { name: t.kept.remove, onChoose: () => void run(() => removeKept(kept.id)) },
      ]}
    >
      <span className={styles.kept}>
        <StarIcon size={18} />
      </span>
      <b>{kept.name}</b>
    </Menu>
  );
}
