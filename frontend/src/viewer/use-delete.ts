import { useQueryClient } from "@tanstack/react-query";
import type { Picture } from "../api/schema";
import { useMessages } from "../i18n/language";
import { useShared } from "../shared";
import { nameOf } from "../wall/name";

/** Delete a picture, with an undo toast for a few seconds. */
export function useDelete(): (picture: Picture) => void {
  const t = useMessages();
  const queries = useQueryClient();
  const { toasts, removals } = useShared();
  return (picture) => {
    removals.hide(picture.id);
    const finish = async () => {
      try {
        await removals.finish(picture.id);
        void queries.invalidateQueries({ queryKey: ["facets"] });
      } catch (error) {
        toasts.say(t.viewer.notDeleted(error instanceof Error ? error.message : String(error)));
      }
    };
    toasts.say(
      t.viewer.deleted(nameOf(picture, t)),
      { name: t.undo, run: () => removals.restore(picture.id) || toasts.say(t.viewer.tooLate) },
      () => void finish(),
    );
  };
}
