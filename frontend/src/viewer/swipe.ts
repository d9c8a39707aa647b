import { type RefObject, useEffect, useEffectEvent } from "react";

// The finger moves this far before its direction counts, in pixels.
const BEGUN = 10;
// From here on, letting go turns to another picture or closes the viewer.
const FAR = 56;
const DOWN = 96;
const BACK_MS = 160;

type Ways = {
  /** Undefined at the end of the wall, where the picture gives way a little and comes back. */
  onNext: (() => void) | undefined;
  onPrevious: (() => void) | undefined;
  onClose: () => void;
};

type Drag = { x: number; y: number; dx: number; dy: number; way: "side" | "down" | null };

/**
 * One finger on a picture that is not zoomed: the picture follows it; to the side it turns, down it closes. Upwards the
 * page scrolls, and two fingers zoom.
 *
 * Touch events, not pointer events: those end as soon as the browser begins to scroll, and only a touchmove can keep it
 * from that by the direction.
 */
export function useSwipe(stage: RefObject<HTMLElement | null>, off: boolean, ways: Ways): void {
  const end = useEffectEvent((drag: Drag, picture: HTMLElement, dialog: HTMLElement) => {
    const { dx, dy, way } = drag;
    const turn = dx < 0 ? ways.onNext : ways.onPrevious;
    if (way === "down" && dy > DOWN) return ways.onClose();
    const settle = { duration: BACK_MS, easing: "ease-out" };
    if (way === "side" && Math.abs(dx) > FAR && turn) {
      release(picture, dialog);
      turn();
      return;
    }
    picture.animate([{ transform: picture.style.transform }, { transform: "none" }], settle);
    release(picture, dialog);
  });
  const atEnd = useEffectEvent((dx: number) => !(dx < 0 ? ways.onNext : ways.onPrevious));

  useEffect(() => {
    const element = stage.current;
    const dialog = element?.closest("dialog");
    if (!element || !dialog || off) return;
    let drag: Drag | null = null;
    const pictureOf = () => element.querySelector("img");

    const start = (event: TouchEvent) => {
      const [touch, other] = event.touches;
      const onButton = event.target instanceof Element && event.target.closest("button");
      if (drag) stop();
      if (!touch || other || onButton) return;
      drag = { x: touch.clientX, y: touch.clientY, dx: 0, dy: 0, way: null };
    };
    const move = (event: TouchEvent) => {
      const touch = event.touches[0];
      const picture = pictureOf();
      if (!drag || !touch || !picture) return;
      drag.dx = touch.clientX - drag.x;
      drag.dy = touch.clientY - drag.y;
      const [across, along] = [Math.abs(drag.dx), Math.abs(drag.dy)];
      if (!drag.way) {
        if (Math.max(across, along) < BEGUN) return;
        if (across > along) drag.way = "side";
        else if (drag.dy > 0 && dialog.scrollTop <= 0) drag.way = "down";
        else {
          drag = null; // the page scrolls
          return;
        }
      }
      if (event.cancelable) event.preventDefault();
      if (drag.way === "side") {
        picture.style.transform = `translateX(${atEnd(drag.dx) ? drag.dx / 4 : drag.dx}px)`;
      } else {
        const away = Math.min(1, Math.max(0, drag.dy) / window.innerHeight);
        picture.style.transform = `translate(${drag.dx}px, ${drag.dy}px) scale(${1 - away / 2})`;
        dialog.style.setProperty("--away", String(Math.min(1, 2 * away)));
      }
    };
    const stop = () => {
      const picture = pictureOf();
      if (picture) release(picture, dialog);
      drag = null;
    };
    const finish = () => {
      const picture = pictureOf();
      if (drag && picture) end(drag, picture, dialog);
      drag = null;
    };
    element.addEventListener("touchstart", start, { passive: true });
    element.addEventListener("touchmove", move, { passive: false });
    element.addEventListener("touchend", finish);
    element.addEventListener("touchcancel", stop);
    return () => {
      element.removeEventListener("touchstart", start);
      element.removeEventListener("touchmove", move);
      element.removeEventListener("touchend", finish);
      element.removeEventListener("touchcancel", stop);
    };
  }, [stage, off]);
}

function release(picture: HTMLElement, dialog: HTMLElement) {
  picture.style.transform = "";
  dialog.style.removeProperty("--away");
}
