import { useSyncExternalStore } from "react";
import { createPortal } from "react-dom";
import styles from "./toast-list.module.css";
import type { Toasts } from "./toasts";

/** The toasts. The live region is always mounted, so that screen readers announce new toasts. */
export function ToastList({ toasts }: { toasts: Toasts }) {
  const shown = useSyncExternalStore(toasts.subscribe, toasts.all);
  const container = useSyncExternalStore(toasts.subscribe, toasts.where);
  const list = (
    <div className={styles.toasts} role="status">
      {shown.map((toast) => (
        <p key={toast.id} className={styles.toast}>
          <span>{toast.text}</span>
          {toast.action && (
            <button type="button" onClick={toast.action.run}>
              {toast.action.name}
            </button>
          )}
        </p>
      ))}
    </div>
  );
  return container ? createPortal(list, container) : list;
}
