/**
 * A minimal router on the browser's history.
 *
 * A router library has ten times as much code, which is a tenth of the page's size budget, and the page has only four
 * routes.
 */

import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from "react";
import { BASE, urlOf } from "./base";

export type Entry = {
  /** Below the page's own path. */
  path: string;
  search: string;
  /** The key of this history entry, unique within the tab. */
  key: string;
  /** Whether the previous history entry is the wall: then closing the viewer goes back. */
  fromWall: boolean;
};

type State = { key: string; fromWall: boolean };

export type Way = { replace?: boolean; fromWall?: boolean };

const listeners = new Set<() => void>();
let entry: Entry | null = null;

function stateNow(): State {
  const kept = history.state as State | null;
  if (kept && typeof kept.key === "string") return kept;
  // An entry that this page did not create: an external link, or a typed URL.
  const state: State = { key: newKey(), fromWall: false };
  history.replaceState(state, "");
  return state;
}

/** A key that is unique within the tab. randomUUID needs a secure context, which http://192.168.1.2 is not. */
function newKey(): string {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
}

function read(): Entry {
  const { pathname, search } = window.location;
  const path = pathname.startsWith(BASE) ? pathname.slice(BASE.length - 1) : pathname;
  const state = stateNow();
  if (!entry || entry.key !== state.key || entry.path !== path || entry.search !== search) {
    entry = { path, search, ...state };
  }
  return entry;
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

// What was asked for while the browser goes back, or null; it would end where going back leads.
let waiting: (() => void)[] | null = null;

/** Go back to the history entry before, which is this page's. */
export function back(): void {
  if (waiting) return;
  waiting = [];
  const arrived = () => {
    window.removeEventListener("popstate", arrived);
    clearTimeout(late);
    const asked = waiting ?? [];
    waiting = null;
    for (const go of asked) go();
  };
  window.addEventListener("popstate", arrived);
  // Should the browser stay where it is.
  const late = setTimeout(arrived, 1000);
  history.back();
}

/** Go to a path of this page; with `replace`, the history entry keeps its key. */
export function navigate(to: string, { replace = false, fromWall = false }: Way = {}): void {
  if (waiting) {
    waiting.push(() => navigate(to, { replace, fromWall }));
    return;
  }
  const href = urlOf(to);
  // No new history entry for the current URL.
  if (!replace && href === window.location.pathname + window.location.search) return;
  const state: State = { key: replace ? stateNow().key : newKey(), fromWall };
  if (replace) history.replaceState(state, "", href);
  else history.pushState(state, "", href);
  for (const listener of listeners) listener();
}

/** The current history entry. */
export function useEntry(): Entry {
  return useSyncExternalStore(subscribe, read);
}

type LinkProps = AnchorHTMLAttributes<HTMLAnchorElement> & Way & { to: string };

/** A link within the page without a page load; with a modifier key the browser opens it as usual. */
export function Link({ to, replace, fromWall, children, ...rest }: LinkProps) {
  const go = (event: MouseEvent<HTMLAnchorElement>) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to, { ...(replace ? { replace } : {}), ...(fromWall ? { fromWall } : {}) });
  };
  return (
    <a {...rest} href={urlOf(to)} onClick={go}>
      {children}
    </a>
  );
}
