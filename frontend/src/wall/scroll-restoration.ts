/** Scroll restoration: stores the position on the wall per history entry, for back, forward and reload. */

import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useEntry } from "../navigation";
import type { WallHandle } from "./use-wall";

type Kept = { search: string; index: number; top: number; focused: number };

const KEY = "sightline.place.";
const SETTLED_MS = 120;

/** The stored position of a history entry; null if there is none, or it belongs to another search. */
function read(key: string, search: string): Kept | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY + key) ?? "null") as Kept | null;
    return kept?.search === search ? kept : null;
  } catch {
    return null;
  }
}

function write(key: string, position: Kept): void {
  try {
    sessionStorage.setItem(KEY + key, JSON.stringify(position));
  } catch {
    // sessionStorage is full or blocked: the wall starts at the top.
  }
}

/**
 * Keep the scroll position on a wall, and restore it.
 *
 * @param search identifies the search that the wall shows: a new search starts at the top.
 * @param loaded the number of loaded pictures.
 * @param ready whether they belong to this search.
 * @param whole whether all pages are loaded.
 * @param more fetches the next page; undefined while one is being fetched.
 */
export function useScrollRestoration(
  wall: RefObject<WallHandle | null>,
  search: string,
  loaded: number,
  ready: boolean,
  whole: boolean,
  more: (() => void) | undefined,
): void {
  const { key } = useEntry();
  const goal = useRef<Kept | null>(null);
  const [begun, setBegun] = useState("");

  // Another search: scroll to the top, or to its stored position.
  useLayoutEffect(() => {
    if (begun === search) return;
    setBegun(search);
    // A new history entry has no stored position.
    goal.current = read(key, search);
    if (!goal.current) window.scrollTo(0, 0);
  }, [search, begun, key]);

  useLayoutEffect(() => {
    const wanted = goal.current;
    if (!ready || !wanted || begun !== search) return;
    if (loaded <= wanted.index && !whole) {
      more?.();
      return;
    }
    goal.current = null;
    // In the next frame, when the wall has its lines: they depend on its width, which has just been measured.
    requestAnimationFrame(() => {
      wall.current?.scrollTo(wanted.index, wanted.top);
      if (wanted.focused >= 0) requestAnimationFrame(() => wall.current?.reveal(wanted.focused));
    });
  }, [ready, loaded, whole, more, begun, search, wall]);

  useEffect(() => {
    if (!ready) return;
    const keep = () => {
      if (wall.current && !goal.current) write(key, { search, ...wall.current.look() });
    };
    let timer: ReturnType<typeof setTimeout>;
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(keep, SETTLED_MS);
    };
    window.addEventListener("scroll", soon, { passive: true });
    // Not debounced: the focused element may be a link that leaves the page.
    window.addEventListener("focusin", keep);
    window.addEventListener("pagehide", keep);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("scroll", soon);
      window.removeEventListener("focusin", keep);
      window.removeEventListener("pagehide", keep);
    };
  }, [key, search, ready, wall]);
}
