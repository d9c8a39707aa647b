import { defaultRangeExtractor, useWindowVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type Ref,
  useCallback,
  useEffect,
  useEffectEvent,
  useLayoutEffect,
  useMemo,
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
import { layOut, lineOf, step } from "./layout";
import { Tile } from "./tile";
import { useSelecting } from "./use-selecting";
import { useAnchor, useBox, useFocus, useHandle, type WallHandle } from "./use-wall";
import styles from "./wall.module.css";

const GAP = 6;
const PHONE = 600;
// The next page is fetched this many lines before the last one.
const AHEAD = 6;

type Props = {
  hits: readonly Hit[];
  params: SearchParams;
  /** The number of leading results that count as matches. */
  certain: number;
  /** Whether these are the results of the previous search, shown dimmed until the new ones have loaded. */
  stale: boolean;
  /** Whether the search is being answered again. */
  busy: boolean;
  /** Called when the user scrolls near the end and there are more pages. */
  onEnd?: (() => void) | undefined;
  /** Whether there are more pages. */
  open: boolean;
  ref?: Ref<WallHandle>;
};

/** The results as a justified, virtualised list. Sizes are known before pictures load, so there is no layout shift. */
export function Wall({ hits, params, certain, stale, busy, onEnd, open, ref }: Props) {
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
  const { focus, goal } = useFocus(hits, `${params.search} ${stale}`, [active, setActive], (index) =>
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
      aria-busy={stale || busy}
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
