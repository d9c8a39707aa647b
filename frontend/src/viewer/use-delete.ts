import { useQueryClient } from "@tanstack/react-query";
import type { Picture } from "../api/schema";
import { usePageSpeech } from "../i18n/pages";
import { useShared } from "../shared";
import { nameOf } from "../wall/name";

/** Move pictures to the bin, with an undo toast for a few seconds. */
export function useDelete(): (pictures: readonly Picture[]) => void {
  const { t, why } = usePageSpeech();
  const queries = useQueryClient();
  const { toasts, removals } = useShared();
  const changed = () => {
    void queries.invalidateQueries({ queryKey: ["facets"] });
    void queries.invalidateQueries({ queryKey: ["bin"] });
  };
  return (pictures) => {
    const [first] = pictures;
    if (!first) return;
    const ids = pictures.map((picture) => picture.id);
    const restore = () =>
      removals.restore(ids).then(
        () => {
          changed();
          toasts.say(t.bin.restored(ids.length));
        },
        (error) => toasts.say(t.bin.notRestored(why(error))),
      );
    toasts.say(ids.length === 1 ? t.bin.moved(nameOf(first, t)) : t.bin.movedSeveral(ids.length), {
      name: t.undo,
      run: () => void restore(),
    });
    removals.remove(ids).then(changed, (error) => toasts.say(t.viewer.notDeleted(why(error))));
  };
}
