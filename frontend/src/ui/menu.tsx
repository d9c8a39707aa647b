import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import styles from "./menu.module.css";

export type Choice = { name: string; chosen?: boolean; hint?: string; onChoose: () => void };

type Props = {
  /** The menu's label for screen readers. */
  label: string;
  /** The button's content, which is also its accessible name unless `name` is given. */
  children: ReactNode;
  name?: string;
  className?: string | undefined;
  choices: readonly Choice[];
  /** Handles further keys while the menu is closed. */
  onKeyDown?: (event: KeyboardEvent<HTMLButtonElement>) => void;
  id?: string;
};

/** A menu button with a short list of choices (ARIA APG, menu button): arrows move, Esc and loss of focus close it. */
export function Menu({ label, children, name, className, choices, onKeyDown, id }: Props) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const menu = useId();

  useEffect(() => {
    if (!open) return;
    const chosen = list.current?.querySelector<HTMLElement>("[aria-checked=true]");
    (chosen ?? list.current?.querySelector<HTMLElement>("button"))?.focus();
  }, [open]);

  const close = () => {
    setOpen(false);
    button.current?.focus();
  };

  const move = (event: KeyboardEvent<HTMLDivElement>) => {
    const items = [...event.currentTarget.querySelectorAll<HTMLElement>("button")];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) items.at(to % items.length)?.focus();
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only detects the loss of focus
    <div
      className={styles.around}
      onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setOpen(false)}
    >
      <button
        ref={button}
        id={id}
        type="button"
        className={className}
        aria-label={name}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? menu : undefined}
        onClick={() => setOpen(!open)}
        onKeyDown={onKeyDown}
      >
        {children}
      </button>
      {/* Takes the touch beside the menu, which closes it and must do nothing else. */}
      {open && (
        <div
          className={styles.beside}
          // The focus stays, or its loss would close the menu before the click, which would fall on what is below.
          onPointerUp={(event) => event.stopPropagation()}
          onMouseDown={(event) => event.preventDefault()}
          onClick={close}
          aria-hidden="true"
        />
      )}
      {open && (
        <div ref={list} id={menu} role="menu" aria-label={label} className={styles.menu} onKeyDown={move}>
          {choices.map((choice) => (
            <button
              key={choice.name}
              type="button"
              {...(choice.chosen === undefined
                ? { role: "menuitem" }
                : { role: "menuitemradio", "aria-checked": choice.chosen })}
              tabIndex={-1}
              onClick={() => {
                close();
                choice.onChoose();
              }}
            >
              <span>{choice.name}</span>
              {choice.hint && <small>{choice.hint}</small>}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
