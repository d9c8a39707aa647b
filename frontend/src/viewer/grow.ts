import { type RefObject, useLayoutEffect } from "react";

const GROW_MS = 220;

/**
 * Lets the picture grow from its tile when the viewer opens (FLIP: first, last, invert, play).
 *
 * @param dialog the viewer, which must be open before this effect runs.
 * @param id the picture's id; one that is not on the wall has no tile to grow from.
 */
export function useGrowth(dialog: RefObject<HTMLElement | null>, id: string): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: when the viewer opens, not when it turns to another picture
  useLayoutEffect(() => {
    const tile = document.getElementById(`tile-${id}`);
    const picture = dialog.current?.querySelector("img");
    if (!tile || !picture || window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const from = tile.getBoundingClientRect();
    const box = picture.getBoundingClientRect();
    const width = shownWidth(picture);
    if (width === 0 || from.width === 0) return;
    const dx = from.left + from.width / 2 - (box.left + box.width / 2);
    const dy = from.top + from.height / 2 - (box.top + box.height / 2);
    const growth = picture.animate(
      [{ transform: `translate(${dx}px, ${dy}px) scale(${from.width / width})` }, { transform: "none" }],
      { duration: GROW_MS, easing: "cubic-bezier(0.2, 0, 0, 1)" },
    );
    return () => growth.cancel();
  }, []);
}

/** The width at which a picture is shown, in pixels: within its element it keeps its shape (object-fit). */
export function shownWidth(picture: HTMLImageElement): number {
  // From the attributes, which are known before the file has loaded.
  const shape = Number(picture.getAttribute("width")) / Number(picture.getAttribute("height"));
  return Math.min(picture.clientWidth, picture.clientHeight * shape);
}
