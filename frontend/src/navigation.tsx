/**
 * The browser's history as the page's state: where the reader is, and ways on.
 *
 * A router library would bring ten times as much to a page of two places, and a tenth of what it may weigh.
 */

import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from "react";

export type Entry = {
  path: string;
  search: string;
  /** Names this entry of the history, for as long as the tab lives. */
  key: string;
  /** Whether the wall lies right behind this entry: then leaving means going back. */
  fromWall: boolean;
};

type State = { key: string; fromWall: boolean };

export type Way = { replace?: boolean; fromWall?: boolean };

const listeners = new Set<() => void>();
let entry: Entry | null = null;

function stateNow(): State {
  const kept = history.state as State | null;
  if (kept && typeof kept.key === "string") return kept;
  // A link from elsewhere, or an address that was typed.
  const state: State = { key: newKey(), fromWall: false };
  history.replaceState(state, "");
  return state;
}

/** Unique among the entries of a tab; randomUUID would want a secure context, which http://192.168.1.2 is not. */
function newKey(): string {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
}

function read(): Entry {
  const { pathname: path, search } = window.location;
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

/** Go to an address of this page. In place of another entry, it keeps that one's key. */
export function navigate(href: string, { replace = false, fromWall = false }: Way = {}): void {
  // Where the reader is already is no step.
  if (!replace && href === window.location.pathname + window.location.search) return;
  const state: State = { key: replace ? stateNow().key : newKey(), fromWall };
  if (replace) history.replaceState(state, "", href);
  else history.pushState(state, "", href);
  for (const listener of listeners) listener();
}

/** Where the reader is. */
export function useEntry(): Entry {
  return useSyncExternalStore(subscribe, read);
}

type LinkProps = AnchorHTMLAttributes<HTMLAnchorElement> & Way & { to: string };

/** A link within the page; opened in a new tab or window it is one like any other. */
export function Link({ to, replace, fromWall, children, ...rest }: LinkProps) {
  const go = (event: MouseEvent<HTMLAnchorElement>) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to, { ...(replace ? { replace } : {}), ...(fromWall ? { fromWall } : {}) });
  };
  return (
    <a {...rest} href={to} onClick={go}>
      {children}
    </a>
  );
}
