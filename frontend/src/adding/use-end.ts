import { useEffect, useEffectEvent, useRef, useState } from "react";
import { useMessages } from "../i18n/language";
import { useShared } from "../shared";
import { type Item, isOpen } from "./queue";

// So many additions can be undone at once; more are not an accident.
const FEW = 20;

/**
 * Says how adding ended, wherever the user is, with an undo for a few pictures.
 *
 * @param shown whether the panel is open, which says it too.
 * @returns how many files failed since the panel was last open.
 */
export function useEndOfAdding(items: readonly Item[], shown: boolean): number {
  const t = useMessages();
  const { toasts, removals } = useShared();
  const told = useRef(new Set<number>());
  const [failed, setFailed] = useState(0);
  const open = items.some(isOpen);

  const end = useEffectEvent(() => {
    const ended = items.filter((item) => !told.current.has(item.id));
    for (const item of ended) told.current.add(item.id);
    if (ended.length === 0) return;
    const ids = ended.flatMap((item) => (item.state === "added" && item.picture ? [item.picture] : []));
    const undo = () =>
      removals.remove(ids).then(
        () => toasts.say(t.adding.undone(ids.length)),
        () => toasts.say(t.states.failed),
      );
    const undoable = ids.length > 0 && ids.length <= FEW;
    if (!shown || undoable) {
      toasts.say(t.adding.done(ended), undoable ? { name: t.undo, run: () => void undo() } : undefined);
    }
    const lost = ended.filter((item) => item.state === "failed").length;
    if (!shown && lost > 0) setFailed((before) => before + lost);
  });
  useEffect(() => {
    if (!open) end();
  }, [open]);
  useEffect(() => {
    if (shown) setFailed(0);
  }, [shown]);
  return shown ? 0 : failed;
}
