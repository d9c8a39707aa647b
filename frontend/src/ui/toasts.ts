/** Toasts: short messages about what was just done, with an undo action. Outside React, so any code can show one. */

export type Toast = { id: number; text: string; action?: { name: string; run: () => void } };

// Long enough to read the message and to undo.
const SHOWN_MS = 8000;

export class Toasts {
  private shown: readonly Toast[] = [];
  private container: Element | null = null;
  private listeners = new Set<() => void>();
  private next = 1;

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  all = () => this.shown;

  /** The element that the toasts are rendered in; null for the page itself. */
  where = () => this.container;

  showIn(container: Element | null): void {
    this.container = container;
    this.notify();
  }

  /** Show a toast; `after` runs when it disappears without its action having been used. */
  say(text: string, action?: Toast["action"], after?: () => void): void {
    const id = this.next++;
    const timer = setTimeout(() => {
      this.drop(id);
      after?.();
    }, SHOWN_MS);
    const taken = action && {
      name: action.name,
      run: () => {
        clearTimeout(timer);
        this.drop(id);
        action.run();
      },
    };
    this.shown = [...this.shown, taken ? { id, text, action: taken } : { id, text }];
    this.notify();
  }

  private drop(id: number) {
    this.shown = this.shown.filter((toast) => toast.id !== id);
    this.notify();
  }

  private notify() {
    for (const listener of this.listeners) listener();
  }
}
