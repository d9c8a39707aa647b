/** Scroll restoration: the position on the wall, for each entry of the browser's history; back, forward and reload return to it. */

import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useEntry } from "../navigation";
import type { WallHandle } from "./wall";

type Kept = { search: string; index: number; top: number; focused: number };

const KEY = "sightline.place.";
const SETTLED_MS = 120;

/** The position of an entry; null where it belongs to a search that another one has replaced since. */
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
    // Without room the wall begins at its top.
  }
}

/**
 * Keep the scroll position on a wall, and restore it.
 *
 * @param search names what the wall shows: another search begins at its best match.
 * @param loaded how many pictures are there.
 * @param ready whether they are those of the search.
 * @param whole whether there are no more.
 * @param more asks for more of them; not there while they are on their way.
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

  // Another search: to its top, or to where the reader was on it.
  useLayoutEffect(() => {
    if (begun === search) return;
    setBegun(search);
    // An entry that is new has none.
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
    // After the wall has its lines: they depend on its width, which it has just measured.
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
    // At once: what is focused may be a link that leads away.
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
