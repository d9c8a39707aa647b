/** Selecting pictures on the wall: by Ctrl, Shift or a long press, by the mark on a tile, and by keyboard. */

import { type KeyboardEvent, type MouseEvent, type PointerEvent, useRef } from "react";
import type { Hit } from "../api/schema";
import type { Selection } from "./selection";

const LONG_MS = 500;
// A finger that moves farther scrolls, in pixels.
const STILL = 10;

/** Handlers for the wall. While anything is selected, a click selects in place of opening. */
export function useSelecting(hits: readonly Hit[], selection: Selection) {
  const press = useRef<{ timer: ReturnType<typeof setTimeout>; x: number; y: number } | null>(null);
  // The click that follows a long press is part of it.
  const taken = useRef(false);

  const indexOf = (target: EventTarget) => {
    const tile = target instanceof Element ? target.closest<HTMLElement>("[data-index]") : null;
    return tile ? Number(tile.dataset.index) : -1;
  };
  const stop = () => {
    clearTimeout(press.current?.timer);
    press.current = null;
  };

  const onClickCapture = (event: MouseEvent) => {
    const hit = hits[indexOf(event.target)];
    const on = event.target instanceof Element && event.target.closest("[data-picture], [data-pick]");
    if (!hit || !on || event.button !== 0 || event.altKey) return;
    const picks = on.hasAttribute("data-pick") || event.ctrlKey || event.metaKey || event.shiftKey;
    if (!taken.current && !picks && selection.all().size === 0) return;
    event.preventDefault();
    event.stopPropagation();
    if (taken.current) taken.current = false;
    else if (event.shiftKey) selection.extend(hits, indexOf(event.target));
    else selection.toggle(hit);
  };

  const onPointerDown = (event: PointerEvent) => {
    taken.current = false;
    const hit = hits[indexOf(event.target)];
    if (event.pointerType !== "touch" || !event.isPrimary || !hit) return;
    const timer = setTimeout(() => {
      taken.current = true;
      press.current = null;
      selection.toggle(hit);
    }, LONG_MS);
    press.current = { timer, x: event.clientX, y: event.clientY };
  };

  const onPointerMove = (event: PointerEvent) => {
    const begun = press.current;
    if (begun && Math.hypot(event.clientX - begun.x, event.clientY - begun.y) > STILL) stop();
  };

  // A long press would open the browser's menu of the link.
  const onContextMenu = (event: MouseEvent) => {
    if (taken.current || press.current) event.preventDefault();
  };

  /** Handles a key on the wall; returns whether it did. `move` moves the focus by an arrow and returns where it leads. */
  const onKey = (event: KeyboardEvent, index: number, move: () => number): boolean => {
    const hit = hits[index];
    if (!hit || event.altKey) return false;
    const command = event.ctrlKey || event.metaKey;
    if (event.key === " " && !command) {
      if (event.shiftKey) selection.extend(hits, index);
      else selection.toggle(hit);
    } else if (event.key === "a" && command) selection.choose(hits);
    else if (event.key === "Escape" && selection.all().size > 0) selection.clear();
    else if (event.shiftKey && !command && event.key.startsWith("Arrow")) {
      selection.extend(hits, index);
      selection.extend(hits, move());
    } else return false;
    event.preventDefault();
    return true;
  };

  return {
    onKey,
    handlers: {
      onClickCapture,
      onPointerDown,
      onPointerMove,
      onPointerUp: stop,
      onPointerCancel: stop,
      onContextMenu,
    },
  };
}
