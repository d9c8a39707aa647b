import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { ApiError } from "../api/client";
import { mayWrite, original, pictureOf, sessionQuery, thumbnail } from "../api/queries";
import type { Hit, Picture } from "../api/schema";
import { usePageSpeech } from "../i18n/pages";
import { back, navigate, useEntry } from "../navigation";
import { alike, hrefOf, readQuery, writeQuery } from "../search/query";
import type { SearchParams } from "../search/search-params";
import { useShared } from "../shared";
import { ActualSizeIcon, CloseIcon, NextIcon, PreviousIcon, ZoomInIcon, ZoomOutIcon } from "../ui/icons";
import { singleKeys } from "../ui/single-keys";
import { blurOf } from "../wall/likeness";
import { nameOf } from "../wall/name";
import { Facts } from "./facts";
import { useGrowth } from "./grow";
import { useSwipe } from "./swipe";
import { useDelete } from "./use-delete";
import styles from "./viewer.module.css";
import { WrittenLayer } from "./written";
import { useZoom, type Zoom } from "./zoom";

type Props = {
  id: string;
  hits: readonly Hit[];
  params: SearchParams;
  /** Called when the open picture is near the end of the wall and there are more pages. */
  onNearEnd?: (() => void) | undefined;
  /** Called when the viewer closes to its wall, with the id of the last shown picture. */
  onClosed: (id: string) => void;
};

/** The viewer: one picture in a modal dialog. The wall stays mounted behind it, at the same scroll position. */
export function Viewer({ id, hits, params, onNearEnd, onClosed }: Props) {
  const { t } = usePageSpeech();
  const { fromWall } = useEntry();
  const { toasts, drafts } = useShared();
  const dialog = useRef<HTMLDialogElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const index = hits.findIndex((hit) => hit.id === id);
  const hit = hits[index];
  // A link may open a picture that is not on this wall.
  const alone = useQuery({ ...pictureOf(id), enabled: !hit });
  const picture: Picture | undefined = hit ?? alone.data;
  const previous = index > 0 ? hits[index - 1] : undefined;
  const next = index >= 0 ? hits[index + 1] : undefined;
  const [edited, setEdited] = useState<string | null>(null);
  const editing = edited === id;
  const { data: session } = useQuery(sessionQuery);
  const writes = mayWrite(session);
  const remove = useDelete();
  const zoom = useZoom(id);

  // The picture whose tile gets the focus when the viewer closes; it may not be the one that opened it.
  const closed = useRef({ id, onClosed, search: params.search });
  useLayoutEffect(() => {
    closed.current = { id, onClosed, search: params.search };
  }, [id, onClosed, params.search]);

  // Layout effects: the picture must stand on its tile in the first frame.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // The page behind a modal dialog is inert, so toasts with their undo button must be inside the dialog.
    toasts.showIn(element);
    // Focus the dialog, not its first button: arrows and Esc work, and Tab moves to the buttons.
    element?.focus();
    return () => {
      toasts.showIn(null);
      element?.close();
      // Not for another search: its wall has other pictures.
      const { id: last, search, onClosed: focusTile } = closed.current;
      const now = readQuery(new URLSearchParams(window.location.search));
      if (writeQuery(now).toString() === search) focusTile(last);
    };
  }, [toasts]);
  useGrowth(dialog, id);

  useEffect(() => {
    if (index >= hits.length - 6) onNearEnd?.();
  }, [index, hits.length, onNearEnd]);

  const show = useCallback(
    (other: Picture) => navigate(params.show(other.id), { replace: true, fromWall }),
    [params, fromWall],
  );

  const leave = () => {
    if (drafts.has(id)) toasts.say(t.viewer.unsaved);
    // Go back if the previous history entry is the wall; a shared link has none.
    if (fromWall) back();
    else navigate(params.show(null), { replace: true });
  };

  // After a deletion, show a neighbour.
  const gone = () => {
    const other = next ?? previous;
    if (other) show(other);
    else leave();
  };

  // The focused element may have been unmounted with the previous picture.
  useEffect(() => {
    const element = dialog.current;
    if (element?.open && id && !element.contains(document.activeElement)) element.focus();
  }, [id]);

  useSwipe(stage, zoom.near || editing, {
    onNext: next && (() => show(next)),
    onPrevious: previous && (() => show(previous)),
    onClose: () => dialog.current?.close(),
  });

  // Layout effect, before the new picture is painted: a key pressed after that must step from the new picture.
  useLayoutEffect(() => {
    const turn = (event: KeyboardEvent) => {
      // It has closed, and the browser goes back: the keys are the wall's.
      if (!dialog.current?.open) return;
      // Alt with an arrow is the browser's Back and Forward.
      if (editing || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const pan = zoom.near ? PANS[event.key] : undefined;
      if (pan) zoom.pan(...pan);
      else if (event.key === "ArrowLeft" && previous) show(previous);
      else if (event.key === "ArrowRight" && next) show(next);
      else if (event.target instanceof HTMLElement && event.target.closest("[role=status], summary")) return;
      else if (event.key === "Delete" && writes && picture) {
        remove([picture]);
        gone();
      } else if (event.key === " " && picture && !(event.target instanceof HTMLButtonElement)) {
        event.preventDefault();
        zoom.actual(picture.width);
      } else if (!singleKeys()) return;
      else if (event.key === "s") navigate(hrefOf(alike(params.query, id)));
      else if (event.key === "e" && writes) {
        event.preventDefault();
        setEdited(id);
      } else if (event.key === "d") dialog.current?.querySelector<HTMLElement>("a[download]")?.click();
      else if (event.key === "f") void toggleFullscreen();
    };
    document.addEventListener("keydown", turn);
    return () => document.removeEventListener("keydown", turn);
  });

  return (
    <dialog
      ref={dialog}
      tabIndex={-1}
      className={styles.viewer}
      aria-label={picture ? nameOf(picture, t) : t.viewer.label}
      // Esc, Android's back gesture and the button close the dialog itself; the close event updates the URL.
      onClose={(event) => !event.currentTarget.open && leave()}
    >
      {/* Live region: mounted as long as the viewer is open, so that screen readers announce changes. */}
      <p className="unseen" role="status">
        {picture && nameOf(picture, t)}
      </p>
      <div ref={stage} className={styles.stage}>
        {picture && <Closer picture={picture} hit={hit} zoom={zoom} />}
        {alone.error && (
          <p className={styles.gone} role="alert">
            {alone.error instanceof ApiError && alone.error.status === 404 ? t.viewer.gone : t.viewer.failed}
          </p>
        )}
        <Turn side="left" name={t.viewer.previous} to={editing ? undefined : previous} show={show}>
          <PreviousIcon size={24} />
        </Turn>
        <Turn side="right" name={t.viewer.next} to={editing ? undefined : next} show={show}>
          <NextIcon size={24} />
        </Turn>
      </div>
      <button
        type="button"
        className={styles.close}
        aria-label={t.close}
        onClick={() => dialog.current?.close()}
      >
        <CloseIcon size={22} />
      </button>
      {picture && (
        <Facts
          key={`facts-${picture.id}`}
          picture={picture}
          hit={hit}
          params={params}
          editing={editing}
          onEdit={(on) => {
            setEdited(on ? id : null);
            if (!on) dialog.current?.focus();
          }}
          onGone={gone}
        />
      )}
    </dialog>
  );
}

/** How far an arrow key pans a zoomed picture, in pixels. */
const PANS: Record<string, [number, number] | undefined> = {
  ArrowLeft: [80, 0],
  ArrowRight: [-80, 0],
  ArrowUp: [0, 80],
  ArrowDown: [0, -80],
};

/** The picture itself, zoomed by wheel, pinch, double click or the buttons. */
function Closer({ picture, hit, zoom }: { picture: Picture; hit: Hit | undefined; zoom: Zoom }) {
  const { t } = usePageSpeech();
  const [loaded, setLoaded] = useState("");
  const sharp = useSharp(picture, zoom.near);
  return (
    <>
      <div className={styles.frame}>
        {/* As large as the frame for any aspect ratio, so that a zoomed picture covers the frame. */}
        <div ref={zoom.container} className={styles.container}>
          <img
            key={picture.id}
            {...(sharp
              ? { src: original(picture) }
              : {
                  src: thumbnail(picture, 960),
                  srcSet: `${thumbnail(picture, 480)} 480w, ${thumbnail(picture, 960)} 960w, ${thumbnail(picture, 1920)} 1920w`,
                })}
            // When zoomed, load the largest thumbnail.
            sizes={zoom.near ? "1920px" : "(min-width: 900px) calc(100vw - 320px), 100vw"}
            width={picture.width}
            height={picture.height}
            style={{
              // Upscaled at most twice: more would show no more detail.
              maxWidth: `min(100%, ${2 * picture.width}px)`,
              maxHeight: `min(100%, ${2 * picture.height}px)`,
              // While it loads: the wall's thumbnail, which is usually cached, or else the blurred placeholder.
              ...(loaded !== picture.id && {
                backgroundImage: [`url("${thumbnail(picture, 480)}")`, blurOf(picture.placeholder)]
                  .filter(Boolean)
                  .join(", "),
              }),
            }}
            alt={nameOf(picture, t)}
            draggable={false}
            onLoad={() => setLoaded(picture.id)}
          />
          <WrittenLayer picture={picture} hit={hit} />
        </div>
      </div>
      <div className={styles.zoom}>
        <button type="button" aria-label={t.viewer.zoomOut} aria-disabled={!zoom.near} onClick={zoom.out}>
          <ZoomOutIcon size={20} />
        </button>
        <button type="button" aria-label={t.viewer.zoomIn} onClick={zoom.in}>
          <ZoomInIcon size={20} />
        </button>
        <button
          type="button"
          aria-label={t.viewer.actualSize}
          aria-pressed={zoom.near}
          title={t.viewer.actualSize}
          onClick={() => zoom.actual(picture.width)}
        >
          <ActualSizeIcon size={20} />
        </button>
      </div>
    </>
  );
}

// Files that browsers can show, and those that may be animated.
const SHOWN = /\.(jpe?g|jfif|png|gif|webp|avif|bmp)$/i;
const MOVING = /\.(gif|webp)$/i;

/** Whether the file itself is there to be shown: for its own pixels when the picture is zoomed, and where it may move. */
function useSharp(picture: Picture, near: boolean): boolean {
  const [sharp, setSharp] = useState("");
  useEffect(() => {
    if (!SHOWN.test(picture.file_name) || !(near || MOVING.test(picture.file_name))) return;
    const image = new Image();
    image.src = original(picture);
    image.decode().then(
      // A browser that does not turn a picture as its EXIF says shows other sizes; the thumbnail is upright.
      () =>
        image.naturalWidth === picture.width &&
        image.naturalHeight === picture.height &&
        setSharp(picture.id),
      () => undefined, // the thumbnail stays
    );
    return () => {
      image.src = "";
    };
  }, [near, picture]);
  return sharp === picture.id;
}

/** Show the viewer on the whole screen, or in its window again. */
async function toggleFullscreen(): Promise<void> {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await document.documentElement.requestFullscreen();
  } catch {
    // Some browsers, as on iPhones, have no full screen for pages.
  }
}

type TurnProps = {
  side: "left" | "right";
  name: string;
  to: Picture | undefined;
  show: (picture: Picture) => void;
  children: ReactNode;
};

/** The previous or next button. At the ends it is disabled, not removed: removing it would lose the focus. */
function Turn({ side, name, to, show, children }: TurnProps) {
  return (
    <button
      type="button"
      className={styles.turn}
      data-side={side}
      aria-label={name}
      aria-disabled={!to}
      onClick={() => to && show(to)}
    >
      {children}
    </button>
  );
}
