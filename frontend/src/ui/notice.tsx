import type { ReactNode } from "react";
import styles from "./notice.module.css";

type Props = {
  title: string;
  children?: ReactNode;
  action?: string;
  onAction?: () => void;
  /** Something went wrong: it is read out at once. */
  alert?: boolean;
};

/** A state of the page that is said in words: what happened, what it means, what to do next. */
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
