import { useQuery, useQueryClient } from "@tanstack/react-query";
import { leave, sessionQuery } from "../api/queries";
import { useMessages } from "../i18n/language";
import { forgetAll } from "../search/history";
import { useShared } from "../shared";

/** The logout button, shown if this browser has a session; it also clears data of the collection in the browser. */
export function Leave() {
  const t = useMessages();
  const { toasts } = useShared();
  const queries = useQueryClient();
  const { data: session } = useQuery(sessionQuery);
  if (!session?.id) return null;
  const out = async () => {
    try {
      await leave();
    } catch {
      toasts.say(t.access.stayed);
      return;
    }
    forgetAll();
    await queries.resetQueries();
  };
  return (
    <button type="button" onClick={() => void out()}>
      {t.access.leave}
    </button>
  );
}
