/** The wall's focus, its place in the window, and its size. */

import {
  type Ref,
  type RefObject,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import type { Hit } from "../api/schema";
import type { Line } from "./layout";

export type WallHandle = {
  /** Scroll a picture into view, and focus it. */
  reveal: (index: number) => void;
  /** Scroll so that a picture is `top` pixels below the top of the window. */
  scrollTo: (index: number, top: number) => void;
  /** The first visible picture, its distance below the top of the window, and the picture with the focus. */
  look: () => { index: number; top: number; focused: number };
};

/** Roving tabindex: the wall is a single tab stop, since it may have ten thousand pictures. */
export function useFocus(
  hits: readonly Hit[],
  /** The search that these results are of; changes when they are replaced by those of another. */
  search: string,
  [active, setActive]: readonly [number, (index: number) => void],
  bring: (index: number) => void,
): { focus: (index: number) => void; goal: () => number | null } {
  const wanted = useRef<number | null>(null);
  // Whether the focus was last on the wall or in the viewer: unmounting a focused element fires no blur event.
  const inside = useRef(false);
  const [, again] = useState(0);
  const shown = useRef({ hits, search });

  useEffect(() => {
    const follow = (event: FocusEvent) => {
      inside.current =
        event.target instanceof Element && event.target.closest("[data-index], dialog") !== null;
      // Where the user has gone meanwhile, the focus stays.
      if (!inside.current) wanted.current = null;
    };
    document.addEventListener("focusin", follow);
    return () => document.removeEventListener("focusin", follow);
  }, []);

  // Another search makes its best match the tab stop. If the same search is answered in another order, the focus stays
  // with its picture; the browser takes it from tiles that are moved, and they get it again.
  useLayoutEffect(() => {
    const before = shown.current;
    shown.current = { hits, search };
    const same = before.search === search;
    if (same && (before.hits === hits || before.hits.every((hit, i) => hit.id === hits[i]?.id))) return;
    const kept = same && inside.current;
    const at = kept ? hits.findIndex((hit) => hit.id === before.hits[active]?.id) : 0;
    const next = at < 0 ? Math.max(0, Math.min(active, hits.length - 1)) : at;
    setActive(next);
    if (inside.current && document.activeElement === document.body) wanted.current = next;
  });

  // After every render: a tile far away is mounted only some renders after scrolling to it.
  useEffect(() => {
    if (wanted.current === null) return;
    const tile = document.getElementById(`tile-${hits[wanted.current]?.id}`);
    if (!tile) return;
    wanted.current = null;
    tile.focus({ preventScroll: true });
  });
  return {
    focus: (index) => {
      wanted.current = index;
      setActive(index);
      bring(index);
      again((n) => n + 1);
    },
    goal: () => wanted.current,
  };
}

/** Keeps the same pictures in view when the wall's width changes, such as when a phone is rotated. */
export function useAnchor(
  width: number,
  lines: readonly Line[],
  first: number,
  scrolled: boolean,
  offsetOf: (index: number) => number,
) {
  const shown = useRef({ width, index: 0, scrolled: false });
  useLayoutEffect(() => {
    const before = shown.current;
    if (before.width && before.width !== width && before.scrolled) window.scrollTo(0, offsetOf(before.index));
  });
  useEffect(() => {
    const line = lines[first];
    if (line && "first" in line) shown.current = { width, index: line.first, scrolled };
    else shown.current.width = width;
  });
}

export function useHandle(
  ref: Ref<WallHandle> | undefined,
  list: RefObject<HTMLUListElement | null>,
  top: number,
  header: number,
  offsetOf: (index: number) => number,
  focus: (index: number) => void,
) {
  useImperativeHandle(ref, () => ({
    reveal: focus,
    scrollTo: (index, below) => {
      // Read the position now: the height above the wall may have changed with the search and is not measured yet.
      const now = (list.current?.getBoundingClientRect().top ?? 0) + window.scrollY;
      window.scrollTo(0, offsetOf(index) + now - top - below);
    },
    look: () => {
      const tiles = [...(list.current?.querySelectorAll<HTMLElement>("[data-index]") ?? [])];
      const first = tiles.find((tile) => tile.getBoundingClientRect().bottom > header);
      const focused = document.activeElement?.closest<HTMLElement>("[data-index]");
      return {
        index: Number(first?.dataset.index ?? 0),
        top: first?.getBoundingClientRect().top ?? 0,
        focused: Number(focused?.dataset.index ?? -1),
      };
    },
  }));
}

/**
 * An element's width in whole pixels, its distance from the top of the page, and the height of the sticky header that
 * covers the top of the window; updated on resize.
 */
export function useBox<E extends HTMLElement>() {
  const element = useRef<E>(null);
  const [box, setBox] = useState({ width: 0, top: 0, header: 0 });
  const measure = useCallback(() => {
    const found = element.current?.getBoundingClientRect();
    if (!found) return;
    const bar = document.querySelector("header");
    const sticky = bar !== null && getComputedStyle(bar).position === "sticky";
    const next = {
      width: Math.floor(found.width),
      top: Math.round(found.top + window.scrollY),
      header: sticky ? bar.offsetHeight : 0,
    };
    setBox((box) =>
      box.width === next.width && box.top === next.top && box.header === next.header ? box : next,
    );
  }, []);
  useLayoutEffect(() => {
    measure();
    // Observe the page as well: content above the wall may change its height.
    const observer = new ResizeObserver(measure);
    if (element.current) observer.observe(element.current);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [measure]);
  return [element, box] as const;
}
