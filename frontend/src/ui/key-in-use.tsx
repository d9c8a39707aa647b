import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { leave, sessionQuery } from "../api/queries";
import { usePageSpeech } from "../i18n/pages";
import { forgetAll } from "../search/history";
import { useShared } from "../shared";
import { KeyForm } from "./key-form";
import styles from "./key-in-use.module.css";
import { Menu } from "./menu";
import { useModal } from "./use-modal";

/** The key that this browser is signed in with: a menu to change it or to sign out. */
export function KeyInUse() {
  const { t } = usePageSpeech();
  const { toasts } = useShared();
  const queries = useQueryClient();
  const { data: session } = useQuery(sessionQuery);
  const [changing, setChanging] = useState(false);
  if (!session?.id || !session.scope) return null;
  const out = async () => {
    try {
      await leave();
    } catch {
      toasts.say(t.access.stayed);
      return;
    }
    // Also what this browser knows of the collection.
    forgetAll();
    await queries.resetQueries();
  };
  return (
    <>
      <Menu
        label={t.keyInUse.label}
        choices={[
          { name: t.keyInUse.other, hint: t.keyInUse.may[session.scope], onChoose: () => setChanging(true) },
          { name: t.access.leave, onChoose: () => void out() },
        ]}
      >
        {t.keyInUse.name(session.key_name ?? "")}
      </Menu>
      {changing && <OtherKey onClose={() => setChanging(false)} />}
    </>
  );
}

function OtherKey({ onClose }: { onClose: () => void }) {
  const { t } = usePageSpeech();
  const dialog = useModal();
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-label={t.keyInUse.other}
      // Ignore the close event when React unmounts the dialog.
      onClose={(event) => !event.currentTarget.open && onClose()}
      closedby="any"
    >
      <KeyForm title={t.keyInUse.other} onDone={onClose} />
      <button type="button" onClick={() => dialog.current?.close()}>
        {t.cancel}
      </button>
    </dialog>
  );
}
