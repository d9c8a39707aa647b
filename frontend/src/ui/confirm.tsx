import { useMessages } from "../i18n/language";
import styles from "./confirm.module.css";
import { useModal } from "./use-modal";

type Props = {
  title: string;
  text: string;
  action: string;
  onConfirm: () => void;
  onCancel: () => void;
};

/** Asks before something that cannot be undone. */
export function Confirm({ title, text, action, onConfirm, onCancel }: Props) {
  const t = useMessages();
  const dialog = useModal();
  return (
    <dialog
      ref={dialog}
      className={styles.confirm}
      aria-labelledby="confirm-title"
      // Ignore the close event when React unmounts the dialog.
      onClose={(event) => !event.currentTarget.open && onCancel()}
      closedby="any"
    >
      <h2 id="confirm-title">{title}</h2>
      <p>{text}</p>
      <div>
        <button type="button" onClick={() => dialog.current?.close()}>
          {t.cancel}
        </button>
        <button type="button" className="primary" onClick={onConfirm}>
          {action}
        </button>
      </div>
    </dialog>
  );
}
