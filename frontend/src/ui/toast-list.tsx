import { useRef, useSyncExternalStore } from "react";
import { createPortal } from "react-dom";
import styles from "./toast-list.module.css";
import type { Toasts } from "./toasts";

/** The toasts. The live region is always mounted, so that screen readers announce new toasts. */
export function ToastList({ toasts }: { toasts: Toasts }) {
  const shown = useSyncExternalStore(toasts.subscribe, toasts.all);
  const container = useSyncExternalStore(toasts.subscribe, toasts.where);
  // Where the focus came from; it goes back there when the toast that has it disappears.
  const before = useRef<Element | null>(null);
  const run = (action: () => void) => {
    action();
    const back = before.current;
    if (back instanceof HTMLElement && back.isConnected) back.focus();
    else if (container instanceof HTMLElement) container.focus();
  };
  const list = (
    <div
      className={styles.toasts}
      role="status"
      onPointerEnter={() => toasts.hold(true)}
      onPointerLeave={() => toasts.hold(false)}
      onFocus={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) before.current = event.relatedTarget;
        toasts.hold(true);
      }}
      onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && toasts.hold(false)}
    >
      {shown.map((toast) => (
        <p key={toast.id} className={styles.toast}>
          <span>{toast.text}</span>
          {toast.action && (
            <button type="button" onClick={() => toast.action && run(toast.action.run)}>
              {toast.action.name}
            </button>
          )}
        </p>
      ))}
    </div>
  );
  return container ? createPortal(list, container) : list;
}
