import { defaultRangeExtractor, useWindowVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type Ref,
  useCallback,
  useEffect,
  useEffectEvent,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type { Hit } from "../api/schema";
import { useMessages } from "../i18n/language";
import { navigate } from "../navigation";
import { AWAY, alike, hrefOf, withTerm } from "../search/query";
import type { SearchParams } from "../search/search-params";
import { useShared } from "../shared";
import { singleKeys } from "../ui/single-keys";
import { justify } from "./justify";
import { type Line, layOut, lineOf, step } from "./layout";
import { Tile } from "./tile";
import { useSelecting } from "./use-selecting";
import styles from "./wall.module.css";

const GAP = 6;
const PHONE = 600;
// The next page is fetched this many lines before the last one.
const AHEAD = 6;

export type WallHandle = {
  /** Scroll a picture into view, and focus it. */
  reveal: (index: number) => void;
  /** Scroll so that a picture is `top` pixels below the top of the window. */
  scrollTo: (index: number, top: number) => void;
  /** The first visible picture, its distance below the top of the window, and the picture with the focus. */
  look: () => { index: number; top: number; focused: number };
};

type Props = {
  hits: readonly Hit[];
  params: SearchParams;
  /** The number of leading results that count as matches. */
  certain: number;
  /** Whether these are the results of the previous search, shown dimmed until the new ones have loaded. */
  stale: boolean;
  /** Called when the user scrolls near the end and there are more pages. */
  onEnd?: (() => void) | undefined;
  /** Whether there are more pages. */
  open: boolean;
  ref?: Ref<WallHandle>;
};

/** The results as a justified, virtualised list. Sizes are known before pictures load, so there is no layout shift. */
export function Wall({ hits, params, certain, stale, onEnd, open, ref }: Props) {
  const t = useMessages();
  const [list, { width, top, header }] = useBox<HTMLUListElement>();
  const lines = useMemo(
    () => (width ? layOut(hits, shapeOf(width), certain, open) : []),
    [hits, width, certain, open],
  );
  const [active, setActive] = useState(0);
  const activeLine = lineOf(lines, active);
  const virtualizer = useWindowVirtualizer({
    // Keep the line with the focus mounted: unmounting the focused tile would lose the focus.
    rangeExtractor: (range) => {
      const near = defaultRangeExtractor(range);
      return activeLine < 0 || near.includes(activeLine) ? near : [...near, activeLine].sort((a, b) => a - b);
    },
    count: lines.length,
    estimateSize: (i) => lines[i]?.height ?? 0,
    gap: GAP,
    overscan: 3,
    scrollMargin: top,
    scrollPaddingStart: header,
    scrollPaddingEnd: GAP,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: measure again when the lines change
  useLayoutEffect(() => virtualizer.measure(), [virtualizer, lines]);

  const isMoving = useCallback(() => virtualizer.isScrolling, [virtualizer]);
  const { focus, goal } = useFocus(hits, setActive, (index) =>
    virtualizer.scrollToIndex(lineOf(lines, index), { align: "auto" }),
  );
  const offsetOf = (index: number) => {
    const offset = virtualizer.getOffsetForIndex(lineOf(lines, index), "start");
    return offset ? offset[0] + header : 0;
  };
  useHandle(ref, list, top, header, offsetOf, focus);
  useAnchor(width, lines, virtualizer.range?.startIndex ?? 0, (virtualizer.scrollOffset ?? 0) > 0, offsetOf);

  const seen = virtualizer.getVirtualItems();
  const near = (virtualizer.range?.endIndex ?? 0) >= lines.length - AHEAD;
  useEffect(() => {
    if (near && width) onEnd?.();
  }, [near, width, onEnd]);

  const { selection } = useShared();
  const chosen = useSyncExternalStore(selection.subscribe, selection.all);
  const { handlers, onKey } = useSelecting(hits, selection);

  // Arrows lead onto the wall from where nothing has the focus.
  const enter = useEffectEvent((event: globalThis.KeyboardEvent) => {
    if (event.target !== document.body || !event.key.startsWith("Arrow") || hits.length === 0) return;
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const top = virtualizer.range ? lines[virtualizer.range.startIndex] : undefined;
    focus(top && "first" in top ? top.first : 0);
  });
  useEffect(() => {
    const listen = (event: globalThis.KeyboardEvent) => enter(event);
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);

  const press = (event: KeyboardEvent<HTMLUListElement>) => {
    const tile = (event.target as HTMLElement).closest<HTMLElement>("[data-index]");
    const index = Number(tile?.dataset.index);
    const hit = tile ? hits[index] : undefined;
    if (!hit) return;
    // If keys repeat faster than the focus moves, step from the tile that will get the focus.
    const move = () => {
      const to = step(lines, goal() ?? index, event.key, GAP);
      focus(to);
      return to;
    };
    const onButton = event.target instanceof HTMLButtonElement;
    if (!onButton && onKey(event, index, move)) return;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const term = (weight: number) => withTerm(params.query, { kind: "like", value: hit.id, weight });
    if (event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End") {
      move();
    } else if (!singleKeys()) return;
    else if (event.key === "s") navigate(hrefOf(alike(params.query, hit.id)));
    else if (event.key === "+") navigate(hrefOf(term(1)));
    else if (event.key === "-") navigate(hrefOf(term(AWAY)));
    else return;
    event.preventDefault();
  };

  return (
    <ul
      ref={list}
      className={styles.wall}
      style={{ height: virtualizer.getTotalSize() }}
      data-stale={stale || undefined}
      aria-busy={stale}
      data-selecting-wall={chosen.size > 0 || undefined}
      onKeyDown={press}
      {...handlers}
    >
      {seen.flatMap(({ index, start }) => {
        const line = lines[index];
        if (!line) return [];
        const y = start - top;
        if ("rule" in line) {
          return (
            <li key="rule" className={styles.rule} style={{ transform: `translateY(${y}px)` }}>
              {t.wall.lessCertain}
            </li>
          );
        }
        let left = 0;
        return line.widths.flatMap((tileWidth, i) => {
          const at = line.first + i;
          const x = left;
          left += tileWidth + GAP;
          const hit = hits[at];
          if (!hit) return [];
          const boundary = at === certain && i > 0 && certain > 0;
          return [
            boundary && (
              <li
                key="mark"
                className={styles.mark}
                style={{ height: line.height, transform: `translate(${x - GAP / 2 - 1}px, ${y}px)` }}
                aria-hidden="true"
              />
            ),
            <Tile
              key={hit.id}
              hit={hit}
              index={at}
              x={x}
              y={y}
              width={tileWidth}
              height={line.height}
              params={params}
              active={at === Math.min(active, hits.length - 1)}
              selected={chosen.has(hit.id)}
              last={!open && at === hits.length - 1}
              onFocus={setActive}
              isMoving={isMoving}
            />,
          ];
        });
      })}
    </ul>
  );
}

function shapeOf(width: number) {
  return { width, height: width < PHONE ? 150 : 220, gap: GAP };
}

/** Roving tabindex: the wall is a single tab stop, since it may have ten thousand pictures. */
function useFocus(
  hits: readonly Hit[],
  setActive: (index: number) => void,
  bring: (index: number) => void,
): { focus: (index: number) => void; goal: () => number | null } {
  const wanted = useRef<number | null>(null);
  // Whether the focus was last on the wall or in the viewer: unmounting a focused element fires no blur event.
  const inside = useRef(false);
  const [, again] = useState(0);
  const best = hits[0]?.id;

  useEffect(() => {
    const follow = (event: FocusEvent) => {
      inside.current =
        event.target instanceof Element && event.target.closest("[data-index], dialog") !== null;
    };
    document.addEventListener("focusin", follow);
    return () => document.removeEventListener("focusin", follow);
  }, []);

  // A new search makes its best match the tab stop, and focuses it if the focus was on the old wall.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when the best match changes
  useLayoutEffect(() => {
    setActive(0);
    if (inside.current && document.activeElement === document.body) wanted.current = 0;
  }, [best]);

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
function useAnchor(
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

function useHandle(
  ref: Ref<WallHandle> | undefined,
  list: React.RefObject<HTMLUListElement | null>,
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

/** Skeleton of the wall while the results load. */
export function WallSkeleton() {
  const [list, { width }] = useBox<HTMLDivElement>();
  const ratios = [1.4, 0.8, 1.5, 1, 0.75, 1.33, 1.6, 0.7, 1, 1.45, 1.2, 0.9, 1.5, 1, 1.3, 0.8, 1.4, 1.1];
  const rows = width
    ? justify(
        ratios.map((ratio) => ({ width: ratio, height: 1 })),
        shapeOf(width),
      )
    : [];
  return (
    <div ref={list} className={styles.skeleton} aria-hidden="true">
      {rows.map((row) =>
        row.widths.map((tile, i) => (
          <div key={row.first + i} className={styles.blank} style={{ width: tile, height: row.height }} />
        )),
      )}
    </div>
  );
}

/**
 * An element's width in whole pixels, its distance from the top of the page, and the height of the sticky header that
 * covers the top of the window; updated on resize.
 */
function useBox<E extends HTMLElement>() {
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
