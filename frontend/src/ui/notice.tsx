import type { ReactNode } from "react";
import styles from "./notice.module.css";

type Props = {
  title: string;
  children?: ReactNode;
  action?: string;
  onAction?: () => void;
};

/** A state of the page that is said in words: what happened, what it means, what to do next. */
export function Notice({ title, children, action, onAction }: Props) {
  return (
    <div className={styles.notice}>
      <h2>{title}</h2>
      {children && <div className={styles.words}>{children}</div>}
      {action && (
        <button type="button" onClick={onAction}>
          {action}
        </button>
      )}
    </div>
  );
}
