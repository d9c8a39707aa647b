import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { endSession, sessionQuery, sessionsQuery } from "../api/queries";
import type { KnownSession } from "../api/schema";
import { useSpeech } from "../i18n/language";
import { KeyInUse } from "../ui/key-in-use";
import { browserOf } from "./browser";
import styles from "./status-page.module.css";

/** If keys are needed: the list of sessions, each with a button to end it. */
export function Access() {
  const { t } = useSpeech();
  const { data: session } = useQuery(sessionQuery);
  const { data } = useQuery({ ...sessionsQuery, enabled: session?.required === true });
  if (!session?.required) return null;
  return (
    <section>
      <h2 id="access">{t.access.title}</h2>
      <ul className={styles.sessions} aria-labelledby="access">
        {data?.sessions.map((one) => (
          <li key={one.id}>
            <Known session={one} />
            {one.id === session.id ? <KeyInUse /> : <End id={one.id} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Known({ session }: { session: KnownSession }) {
  const { t, language } = useSpeech();
  const day = (at: string) => new Date(at).toLocaleDateString(language, { dateStyle: "medium" });
  return (
    <p>
      {browserOf(session.client) ?? t.access.unknown}
      <small>
        {session.key_name}, {session.address}, {t.access.days(day(session.created_at), day(session.seen_at))}
      </small>
    </p>
  );
}

function End({ id }: { id: string }) {
  const { t } = useSpeech();
  const queries = useQueryClient();
  const end = useMutation({
    mutationFn: () => endSession(id),
    onSettled: () => queries.invalidateQueries({ queryKey: ["sessions"] }),
  });
  return (
    <button type="button" disabled={end.isPending} onClick={() => end.mutate()}>
      {t.access.end}
    </button>
  );
}
