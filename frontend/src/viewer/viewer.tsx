import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useRef } from "react";
import { Link, useLocation, useNavigate } from "react-router";
import { ApiError, type Hit, nameOf, neighboursOf, type Picture, pictureOf, thumbnail } from "../api";
import { hrefOfLike, type Place } from "../search/url";
import { AlikeIcon, CloseIcon, NextIcon, OpenIcon, PreviousIcon } from "../ui/icons";
import styles from "./viewer.module.css";

type Props = {
  id: string;
  hits: readonly Hit[];
  place: Place;
  /** Called when the open picture is among the last of the wall and there are more to come. */
  onNearEnd?: (() => void) | undefined;
};

/** One picture of the wall, closer. The wall stays behind it, and Esc returns to the same place on it. */
export function Viewer({ id, hits, place, onNearEnd }: Props) {
  const navigate = useNavigate();
  const location = useLocation();
  const dialog = useRef<HTMLDialogElement>(null);
  // The picture whose tile gets the focus when the viewer goes, which is not always the one that opened it.
  const latest = useRef(id);
  useLayoutEffect(() => {
    latest.current = id;
  }, [id]);
  const index = hits.findIndex((hit) => hit.id === id);
  const hit = hits[index];
  // A link may open a picture that this wall does not show.
  const alone = useQuery({ ...pictureOf(id), enabled: !hit });
  const picture: Picture | undefined = hit ?? alone.data;
  const previous = index > 0 ? hits[index - 1] : undefined;
  const next = index >= 0 ? hits[index + 1] : undefined;
  const fromWall = (location.state as { fromWall?: boolean } | null)?.fromWall === true;

  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // Not its first button: arrows and Esc work from here, and Tab leads to the buttons.
    element?.focus();
    return () => {
      element?.close();
      const tile = document.getElementById(`tile-${latest.current}`);
      if (!tile) return;
      tile.scrollIntoView({ block: "nearest" });
      tile.focus({ preventScroll: true });
    };
  }, []);

  useEffect(() => {
    if (index >= hits.length - 6) onNearEnd?.();
  }, [index, hits.length, onNearEnd]);

  const show = useCallback(
    (other: Picture) => navigate(place.href({ picture: other.id }), { replace: true, state: location.state }),
    [navigate, place, location.state],
  );

  const leave = () => {
    // Back, where the wall is what lies behind; a shared link has nothing behind it.
    if (fromWall) navigate(-1);
    else navigate(place.href({ picture: null }), { replace: true });
  };

  // Before the new picture is painted: a key pressed at its sight must turn from it, not from the one before.
  useLayoutEffect(() => {
    const turn = (event: KeyboardEvent) => {
      // With Alt they are the browser's own Back and Forward.
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      if (event.key === "ArrowLeft" && previous) show(previous);
      if (event.key === "ArrowRight" && next) show(next);
    };
    document.addEventListener("keydown", turn);
    return () => document.removeEventListener("keydown", turn);
  }, [previous, next, show]);

  return (
    <dialog
      ref={dialog}
      tabIndex={-1}
      className={styles.viewer}
      aria-label={picture ? nameOf(picture) : "Picture"}
      // Esc, the back gesture and the button all close the dialog itself; the URL follows.
      onClose={(event) => !event.currentTarget.open && leave()}
    >
      <div className={styles.stage}>
        {picture && (
          <img
            key={picture.id}
            src={thumbnail(picture, 960)}
            srcSet={`${thumbnail(picture, 480)} 480w, ${thumbnail(picture, 960)} 960w, ${thumbnail(picture, 1920)} 1920w`}
            sizes="(min-width: 900px) calc(100vw - 320px), 100vw"
            width={picture.width}
            height={picture.height}
            // Enlarged at most twice: beyond it there is nothing more to see.
            style={{
              maxWidth: `min(100%, ${2 * picture.width}px)`,
              maxHeight: `min(100%, ${2 * picture.height}px)`,
            }}
            alt={nameOf(picture)}
          />
        )}
        {alone.error && (
          <p className={styles.gone} role="alert">
            {alone.error instanceof ApiError && alone.error.status === 404
              ? "That picture is no longer here."
              : "The picture could not be loaded: Sightline does not answer."}
          </p>
        )}
        <Turn side="left" name="Previous" to={previous} show={show}>
          <PreviousIcon size={24} />
        </Turn>
        <Turn side="right" name="Next" to={next} show={show}>
          <NextIcon size={24} />
        </Turn>
      </div>
      <button
        type="button"
        className={styles.close}
        aria-label="Close"
        onClick={() => dialog.current?.close()}
      >
        <CloseIcon size={22} />
      </button>
      {picture && <Facts picture={picture} score={hit?.score} place={place} />}
    </dialog>
  );
}

type TurnProps = {
  side: "left" | "right";
  name: string;
  to: Picture | undefined;
  show: (picture: Picture) => void;
  children: ReactNode;
};

/** At either end it stays, and says that there is no more: a button that vanished would take the focus with it. */
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

function Facts({ picture, score, place }: { picture: Picture; score: number | undefined; place: Place }) {
  return (
    <aside className={styles.facts}>
      <h2 aria-live="polite">{nameOf(picture)}</h2>
      <div className={styles.actions}>
        <Link to={hrefOfLike(picture.id)}>
          <AlikeIcon size={18} /> More like this
        </Link>
        <a href={picture.file_url} target="_blank" rel="noreferrer">
          <OpenIcon size={18} /> Original
        </a>
      </div>
      <dl>
        {score !== undefined && (
          <div>
            <dt>Similarity</dt>
            <dd>{score.toFixed(3)}</dd>
          </div>
        )}
        {picture.tags.length > 0 && (
          <div>
            <dt>Tags</dt>
            <dd>{picture.tags.join(", ")}</dd>
          </div>
        )}
        <div>
          <dt>Size</dt>
          <dd>
            {picture.width} × {picture.height}
          </dd>
        </div>
        <div>
          <dt>Added</dt>
          <dd>{new Date(picture.added_at).toLocaleDateString(undefined, { dateStyle: "medium" })}</dd>
        </div>
        {picture.file_name && (
          <div>
            <dt>File</dt>
            <dd className={styles.file}>{picture.file_name}</dd>
          </div>
        )}
      </dl>
      <Neighbours picture={picture} place={place} />
    </aside>
  );
}

function Neighbours({ picture, place }: { picture: Picture; place: Place }) {
  const { data } = useQuery(neighboursOf(picture.id));
  const location = useLocation();
  if (!data || data.results.length === 0) return <div className={styles.neighbours} />;
  return (
    <section className={styles.neighbours} aria-label="Similar pictures">
      <h3>Similar</h3>
      <ul>
        {data.results.map((hit) => (
          <li key={hit.id}>
            <Link to={place.href({ picture: hit.id })} replace state={location.state}>
              <img src={thumbnail(hit, 240)} alt={nameOf(hit)} loading="lazy" />
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
