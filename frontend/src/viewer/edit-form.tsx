import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { editPicture } from "../api/queries";
import type { Picture } from "../api/schema";
import { usePageSpeech } from "../i18n/pages";
import { useShared } from "../shared";
import styles from "./viewer.module.css";

type Changes = { caption: string; add_tags: string[]; remove_tags: string[] };

/** The form for a picture's caption and tags. A change can be undone; one that was not saved waits as a draft. */
export function EditForm({ picture, onDone }: { picture: Picture; onDone: () => void }) {
  const { t, why } = usePageSpeech();
  const queries = useQueryClient();
  const { toasts, drafts } = useShared();
  const draft = drafts.get(picture.id);
  const [caption, setCaption] = useState(draft?.caption ?? picture.caption);
  const [tags, setTags] = useState(draft?.tags ?? picture.tags.join(", "));
  const changed = caption !== picture.caption || tags !== picture.tags.join(", ");
  useEffect(() => {
    if (changed) drafts.set(picture.id, { caption, tags });
    else drafts.delete(picture.id);
  }, [drafts, picture.id, changed, caption, tags]);
  const [busy, setBusy] = useState(false);
  const first = useRef<HTMLTextAreaElement>(null);
  const ids = { caption: useId(), tags: useId(), hint: useId() };

  useEffect(() => first.current?.focus(), []);

  const change = async (changes: Changes, said: string, undo: boolean) => {
    const back = { caption: picture.caption, add_tags: changes.remove_tags, remove_tags: changes.add_tags };
    await editPicture(queries, picture.id, changes);
    toasts.say(
      said,
      undo ? { name: t.undo, run: () => void tried(back, t.viewer.restored, false) } : undefined,
    );
  };
  const tried = async (...given: Parameters<typeof change>): Promise<boolean> => {
    try {
      await change(...given);
      return true;
    } catch (error) {
      toasts.say(t.viewer.notSaved(why(error)));
      return false;
    }
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const wanted = [...new Set(tags.split(",").map((tag) => tag.trim()))].filter(Boolean);
    const changes = {
      caption: caption.trim(),
      // Not all tags: others may have added or removed some meanwhile.
      add_tags: wanted.filter((tag) => !picture.tags.includes(tag)),
      remove_tags: picture.tags.filter((tag) => !wanted.includes(tag)),
    };
    if (await tried(changes, t.viewer.saved, true)) {
      drafts.delete(picture.id);
      onDone();
    } else setBusy(false);
  };

  return (
    <form
      className={styles.edit}
      onSubmit={(event) => void submit(event)}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        // Esc closes the form, not the viewer.
        event.preventDefault();
        if (changed) toasts.say(t.viewer.unsaved);
        onDone();
      }}
    >
      <label htmlFor={ids.caption}>{t.viewer.caption}</label>
      <textarea
        ref={first}
        id={ids.caption}
        rows={3}
        maxLength={10_000}
        value={caption}
        onChange={(event) => setCaption(event.target.value)}
      />
      <label htmlFor={ids.tags}>{t.viewer.tags}</label>
      <input
        id={ids.tags}
        value={tags}
        aria-describedby={ids.hint}
        onChange={(event) => setTags(event.target.value)}
      />
      <small id={ids.hint}>{t.viewer.tagsHint}</small>
      {draft && changed && <small role="status">{t.viewer.draft}</small>}
      <div>
        <button type="submit" className="primary" disabled={busy}>
          {t.viewer.save}
        </button>
        <button
          type="button"
          onClick={() => {
            drafts.delete(picture.id);
            onDone();
          }}
        >
          {changed ? t.viewer.discard : t.cancel}
        </button>
      </div>
    </form>
  );
}
