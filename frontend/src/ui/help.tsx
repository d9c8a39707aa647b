import { usePageSpeech } from "../i18n/pages";
import styles from "./help.module.css";
import { CloseIcon } from "./icons";
import { setSingleKeys, singleKeys } from "./single-keys";
import { useModal } from "./use-modal";

/** The help dialog: keyboard shortcuts, and how to search well. */
export function Help({ onClose }: { onClose: () => void }) {
  const { t } = usePageSpeech();
  const dialog = useModal();
  return (
    <dialog
      ref={dialog}
      className={styles.help}
      aria-labelledby="help-title"
      // Ignore the close event when React unmounts the dialog.
      onClose={(event) => !event.currentTarget.open && onClose()}
      closedby="any"
    >
      <div className={styles.content}>
        <button
          type="button"
          className={styles.close}
          aria-label={t.close}
          onClick={() => dialog.current?.close()}
        >
          <CloseIcon size={20} />
        </button>
        <h2 id="help-title">{t.help.title}</h2>
        <dl>
          {t.help.keys.map(([keys, what]) => (
            <div key={keys}>
              <dt>
                {keys.split(" ").map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <label className={styles.keys}>
          <input
            type="checkbox"
            defaultChecked={singleKeys()}
            onChange={(e) => setSingleKeys(e.target.checked)}
          />
          {t.help.single}
        </label>
        <ul>
          {t.help.tips.map((tip) => (
            <li key={tip}>{tip}</li>
          ))}
        </ul>
      </div>
    </dialog>
  );
}
