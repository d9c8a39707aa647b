import type { ReactNode } from "react";
import styles from "./notice.module.css";

type Props = {
  title: string;
  children?: ReactNode;
  action?: string;
  onAction?: () => void;
  /** Whether it is an error, which screen readers announce at once. */
  alert?: boolean;
};

/** A message in place of results: what happened, what it means, what to do next. */
export function Notice({ title, children, action, onAction, alert }: Props) {
  return (
    <div className={styles.notice} role={alert ? "alert" : undefined}>
      <h2>{title}</h2>
      {children && <div className={styles.words}>{children}</div>}
      {action && (
        <button type="button" className="primary" onClick={onAction}>
          {action}
        </button>
      )}
    </div>
  );
}
